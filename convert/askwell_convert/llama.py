"""Llama in GGUF: llama.cpp's names on the left, ctranslate2's variables as its own LlamaLoader fills them."""

import re

from ctranslate2.specs import TransformerDecoderModelSpec
from ctranslate2.specs.common_spec import Activation

from .errors import ConvertError
from .plan import Part, Plan, sliced_rotary_order
from .settings import Settings


def llama_plan(metadata: Settings, *, vocabulary: int, tied: bool) -> Plan:
    """The plan for ``vocabulary`` embedding rows; ``tied`` when the output projection is the embedding.

    Raises ConvertError when the metadata describe no plain Llama model.
    """
    width = metadata.count("llama.embedding_length", limit=1 << 20)
    inner = metadata.count("llama.feed_forward_length")
    layers = metadata.count("llama.block_count", limit=1024)
    heads = metadata.count("llama.attention.head_count", limit=1024)
    kv_heads = metadata.count("llama.attention.head_count_kv", default=heads, limit=1024)
    if width % heads or heads % kv_heads:
        raise ConvertError(
            f"{metadata.where} says {heads} heads, {kv_heads} key-value heads and width {width}, "
            "which do not divide evenly"
        )
    head_rows = width // heads
    _refuse_variants(metadata, head_rows)

    order, kv_width = sliced_rotary_order(head_rows, head_rows), kv_heads * head_rows
    weights: dict[str, tuple[Part, ...]] = {
        "decoder/embeddings/weight": (Part("token_embd.weight", (vocabulary, width)),),
        "decoder/layer_norm/gamma": (Part("output_norm.weight", (width,)),),
    }
    if not tied:
        weights["decoder/projection/weight"] = (Part("output.weight", (vocabulary, width)),)
    for layer in range(layers):
        to, source = f"decoder/layer_{layer}/", f"blk.{layer}."
        weights |= {
            to + "self_attention/layer_norm/gamma": (Part(source + "attn_norm.weight", (width,)),),
            to + "self_attention/linear_0/weight": (
                Part(source + "attn_q.weight", (width, width), order),
                Part(source + "attn_k.weight", (kv_width, width), order),
                Part(source + "attn_v.weight", (kv_width, width)),
            ),
            to + "self_attention/linear_1/weight": (Part(source + "attn_output.weight", (width, width)),),
            to + "ffn/layer_norm/gamma": (Part(source + "ffn_norm.weight", (width,)),),
            to + "ffn/linear_0/weight": (Part(source + "ffn_gate.weight", (inner, width)),),
            to + "ffn/linear_0_noact/weight": (Part(source + "ffn_up.weight", (inner, width)),),
            to + "ffn/linear_1/weight": (Part(source + "ffn_down.weight", (width, inner)),),
        }
    spec = TransformerDecoderModelSpec.from_config(
        layers,
        heads,
        activation=Activation.SWISH,
        pre_norm=True,
        ffn_glu=True,
        rms_norm=True,
        rotary_dim=0,
        rotary_interleave=False,
        rotary_base=metadata.number("llama.rope.freq_base", 10_000.0),
        num_heads_kv=None if kv_heads == heads else kv_heads,
    )
    spec.decoder.scale_embeddings = False
    return Plan(
        architecture="llama",
        positions=metadata.count("llama.context_length"),
        vocabulary_size=vocabulary,
        spec=spec,
        weights=weights,
        aliases={"decoder/projection/weight": "decoder/embeddings/weight"} if tied else {},
        layer_norm_epsilon=metadata.number("llama.attention.layer_norm_rms_epsilon"),
        buffers=re.compile(r"blk\.\d+\.attn_rot_embd\.weight"),
        padding_token="<extra_id_{}>",
    )


def _refuse_variants(metadata: Settings, head_rows: int) -> None:
    """Llama's relatives share its architecture name; they would convert and then compute something else."""
    values = metadata.values
    if values.get("llama.rope.scaling.type", "none") != "none" or "llama.rope.scale_linear" in values:
        raise ConvertError(f"{metadata.where} uses rope scaling, which this converter does not know")
    if values.get("llama.expert_count"):
        raise ConvertError(f"{metadata.where} is a mixture of experts, which ctranslate2 cannot run")
    for key in ("llama.rope.dimension_count", "llama.attention.key_length", "llama.attention.value_length"):
        if values.get(key, head_rows) != head_rows:
            raise ConvertError(
                f"{metadata.where} says {key}={values[key]!r}; only the head size {head_rows} is known"
            )
