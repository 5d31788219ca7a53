"""The sizes of a Llama, Mistral or Qwen2 model, out of config.json or out of a GGUF file's metadata."""

from collections.abc import Collection
from dataclasses import dataclass

from .errors import ConvertError
from .rotary import rotary_base, rotary_settings
from .settings import Settings


@dataclass(frozen=True, slots=True)
class LlamaShape:
    """``interleaved``: query and key rows come in rotary pairs side by side. ``says_head_rows``: ctranslate2
    must be told the head size, because it does not follow from the width (Mistral's loader always tells it).
    """

    architecture: str
    vocabulary: int
    width: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    head_rows: int
    positions: int
    rotary_base: float
    epsilon: float
    tied: bool
    qkv_bias: bool
    o_bias: bool
    mlp_bias: bool
    says_head_rows: bool
    interleaved: bool


def llama_shape_from_config(config: Settings) -> LlamaShape:
    """Raises ConvertError for what no model has, and for variants that compute otherwise."""
    values, architecture = config.values, str(config.values["model_type"])
    width, heads = config.count("hidden_size", limit=1 << 20), config.count("num_attention_heads", limit=1024)
    kv_heads = config.count("num_key_value_heads", default=heads, limit=1024)
    _check_heads(config.where, width, heads, kv_heads, divides=values.get("head_dim") is not None)
    head_rows = config.count("head_dim", default=width // heads, limit=1 << 16)
    positions = config.count("max_position_embeddings")
    _refuse_config_variants(config, positions)
    attention_bias = architecture == "llama" and values.get("attention_bias") is True
    return LlamaShape(
        architecture=architecture,
        vocabulary=config.count("vocab_size"),
        width=width,
        inner=config.count("intermediate_size"),
        layers=config.count("num_hidden_layers", limit=1024),
        heads=heads,
        kv_heads=kv_heads,
        head_rows=head_rows,
        positions=positions,
        rotary_base=rotary_base(config, "rope_theta"),
        epsilon=config.number("rms_norm_eps", 1e-6),
        tied=values.get("tie_word_embeddings") is True,
        qkv_bias=attention_bias or architecture == "qwen2",
        o_bias=attention_bias,
        mlp_bias=architecture == "llama" and values.get("mlp_bias") is True,
        says_head_rows=architecture == "mistral" or head_rows * heads != width,
        interleaved=False,
    )


def llama_shape_from_gguf(metadata: Settings, names: Collection[str], vocabulary: int) -> LlamaShape:
    """From a GGUF file's metadata, the names of its tensors and its number of embedding rows.

    llama.cpp stores the rotary pairs of Llama and Mistral side by side, and those of Qwen2 in halves.
    """
    architecture = str(metadata.values["general.architecture"])
    at = architecture + "."
    width = metadata.count(at + "embedding_length", limit=1 << 20)
    heads = metadata.count(at + "attention.head_count", limit=1024)
    kv_heads = metadata.count(at + "attention.head_count_kv", default=heads, limit=1024)
    _check_heads(metadata.where, width, heads, kv_heads, divides=False)
    positions = metadata.count(at + "context_length")
    _refuse_gguf_variants(metadata, at, names, positions, head_rows=width // heads)
    return LlamaShape(
        architecture=architecture,
        vocabulary=vocabulary,
        width=width,
        inner=metadata.count(at + "feed_forward_length"),
        layers=metadata.count(at + "block_count", limit=1024),
        heads=heads,
        kv_heads=kv_heads,
        head_rows=width // heads,
        positions=positions,
        rotary_base=metadata.number(at + "rope.freq_base", 10_000.0),
        epsilon=metadata.number(at + "attention.layer_norm_rms_epsilon"),
        tied="output.weight" not in names,
        qkv_bias="blk.0.attn_q.bias" in names,
        o_bias="blk.0.attn_output.bias" in names,
        mlp_bias="blk.0.ffn_gate.bias" in names,
        says_head_rows=False,
        interleaved=architecture == "llama",
    )


def _check_heads(where: str, width: int, heads: int, kv_heads: int, *, divides: bool) -> None:
    """``divides``: the head size is said, and need not follow from the width."""
    if heads % kv_heads or (width % heads and not divides):
        raise ConvertError(
            f"{where} says {heads} heads, {kv_heads} key-value heads and width {width}, "
            "which do not divide evenly"
        )


def _refuse_config_variants(config: Settings, positions: int) -> None:
    """Llama's relatives share its names; they would convert and then compute something else."""
    values = config.values
    if values.get("hidden_act", "silu") not in ("silu", "swish"):
        raise ConvertError(f"{config.where} says hidden_act={values['hidden_act']!r}; only silu is known")
    share = rotary_settings(config).get("partial_rotary_factor", values.get("partial_rotary_factor"))
    if share not in (None, 1):
        raise ConvertError(f"{config.where} says partial_rotary_factor={share!r}; only whole heads are known")
    if values["model_type"] == "qwen2" and not values.get("use_sliding_window"):
        return
    _refuse_window(config.where, "sliding_window", values.get("sliding_window"), positions)


def _refuse_gguf_variants(
    metadata: Settings, at: str, names: Collection[str], positions: int, head_rows: int
) -> None:
    values = metadata.values
    if (
        values.get(at + "rope.scaling.type", "none") != "none"
        or at + "rope.scale_linear" in values
        or "rope_freqs.weight" in names
    ):
        raise ConvertError(f"{metadata.where} uses rope scaling, which this converter does not know")
    if values.get(at + "expert_count"):
        raise ConvertError(f"{metadata.where} is a mixture of experts, which ctranslate2 cannot run")
    for key in ("rope.dimension_count", "attention.key_length", "attention.value_length"):
        if values.get(at + key, head_rows) != head_rows:
            raise ConvertError(
                f"{metadata.where} says {at}{key}={values[at + key]!r}; "
                f"only the head size {head_rows} is known"
            )
    key = at + "attention.sliding_window"
    _refuse_window(metadata.where, key, values.get(key), positions)


def _refuse_window(where: str, key: str, window: object, positions: int) -> None:
    """A window that holds every position changes nothing."""
    if window is not None and not (type(window) is int and window >= positions):
        raise ConvertError(
            f"{where} says {key}={window!r}, which this converter does not know; set the model's positions "
            f"(now {positions}) to {window!r} in it, to convert it for texts up to that length"
        )
