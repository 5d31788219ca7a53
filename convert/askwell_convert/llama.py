"""Llama, Mistral, Qwen2: their names in both formats, ctranslate2's variables as its loaders fill them."""

import re
from collections.abc import Callable

from ctranslate2.specs import TransformerDecoderModelSpec
from ctranslate2.specs.common_spec import Activation

from .llama_shape import LlamaShape
from .plan import Part, Plan, Weights, linear, sliced_rotary_order

# Hugging Face's name of each module, and llama.cpp's.
GGUF_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
BUFFERS = r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq|blk\.\d+\.attn_rot_embd\.weight"


def gguf_name(name: str) -> str:
    """llama.cpp's name of a tensor: blk.3.attn_q.weight for model.layers.3.self_attn.q_proj.weight."""
    module, _, kind = name.rpartition(".")
    if layer := re.fullmatch(r"model\.layers\.(\d+)\.(.+)", module):
        return f"blk.{layer[1]}.{GGUF_NAMES[layer[2]]}.{kind}"
    return f"{GGUF_NAMES[module]}.{kind}"


def llama_plan(shape: LlamaShape, name: Callable[[str], str]) -> Plan:
    """``name`` turns Hugging Face's name of a tensor into the checkpoint's own."""
    width, inner, vocabulary = shape.width, shape.inner, shape.vocabulary
    q_rows, kv_rows = shape.heads * shape.head_rows, shape.kv_heads * shape.head_rows
    order = sliced_rotary_order(shape.head_rows, shape.head_rows) if shape.interleaved else None
    weights: Weights = {
        **linear("decoder/embeddings", "model.embed_tokens", vocabulary, width, bias=False),
        **_rms_norm("decoder/layer_norm", "model.norm", width),
    }
    if not shape.tied:
        weights |= linear("decoder/projection", "lm_head", vocabulary, width, bias=False)
    for layer in range(shape.layers):
        to, source = f"decoder/layer_{layer}/", f"model.layers.{layer}."
        attention = source + "self_attn."
        weights |= {
            **_rms_norm(to + "self_attention/layer_norm", source + "input_layernorm", width),
            **linear(to + "self_attention/linear_1", attention + "o_proj", width, q_rows, bias=shape.o_bias),
            **_rms_norm(to + "ffn/layer_norm", source + "post_attention_layernorm", width),
            **linear(to + "ffn/linear_0", source + "mlp.gate_proj", inner, width, bias=shape.mlp_bias),
            **linear(to + "ffn/linear_0_noact", source + "mlp.up_proj", inner, width, bias=shape.mlp_bias),
            **linear(to + "ffn/linear_1", source + "mlp.down_proj", width, inner, bias=shape.mlp_bias),
        }
        weights[to + "self_attention/linear_0/weight"] = (
            Part(attention + "q_proj.weight", (q_rows, width), order),
            Part(attention + "k_proj.weight", (kv_rows, width), order),
            Part(attention + "v_proj.weight", (kv_rows, width)),
        )
        if shape.qkv_bias:
            weights[to + "self_attention/linear_0/bias"] = (
                Part(attention + "q_proj.bias", (q_rows,), order),
                Part(attention + "k_proj.bias", (kv_rows,), order),
                Part(attention + "v_proj.bias", (kv_rows,)),
            )
    return Plan(
        architecture=shape.architecture,
        positions=shape.positions,
        vocabulary_size=vocabulary,
        spec=_specification(shape),
        weights={
            path: tuple(Part(name(part.tensor), part.shape, part.head_order) for part in parts)
            for path, parts in weights.items()
        },
        aliases={"decoder/projection/weight": "decoder/embeddings/weight"} if shape.tied else {},
        layer_norm_epsilon=shape.epsilon,
        # A tied checkpoint may still carry its copy of the embedding.
        buffers=re.compile(BUFFERS + (r"|lm_head\.weight" if shape.tied else "")),
        padding_token="<extra_id_{}>",
    )


def _specification(shape: LlamaShape) -> TransformerDecoderModelSpec:
    spec = TransformerDecoderModelSpec.from_config(
        shape.layers,
        shape.heads,
        activation=Activation.SWISH,
        pre_norm=True,
        ffn_glu=True,
        rms_norm=True,
        rotary_dim=0,
        rotary_interleave=False,
        rotary_base=shape.rotary_base,
        num_heads_kv=None if shape.kv_heads == shape.heads else shape.kv_heads,
        head_dim=shape.head_rows if shape.says_head_rows else None,
    )
    spec.decoder.scale_embeddings = False
    return spec


def _rms_norm(to: str, source: str, width: int) -> Weights:
    return {f"{to}/gamma": (Part(f"{source}.weight", (width,)),)}
