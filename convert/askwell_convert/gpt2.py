"""GPT-2: Hugging Face's names on the left, ctranslate2's variables as its own GPT2Loader fills them."""

import re
from collections.abc import Collection

from ctranslate2.specs import TransformerDecoderModelSpec

from .activation import activation
from .errors import ConvertError
from .plan import Part, Plan, Weights, layer_norm, linear
from .settings import Settings

BUFFERS = r"(transformer\.)?h\.\d+\.attn\.(bias|masked_bias)"
DEFAULT_EPSILON = 1e-5  # ctranslate2's own, which its converter leaves unsaid
# What changes the computation, and the only value of it that ctranslate2 computes.
VARIANTS = {
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
}


def gpt2_plan(config: Settings, names: Collection[str]) -> Plan:
    """Raises ConvertError when the configuration is not one of a GPT-2 model.

    ``names`` are the checkpoint's: OpenAI's own have no ``transformer.`` before them.
    """
    vocabulary, width = config.count("vocab_size"), config.count("n_embd", limit=1 << 20)
    layers, heads = config.count("n_layer", limit=1024), config.count("n_head", limit=1024)
    positions, inner = config.count("n_positions"), config.count("n_inner", default=4 * width)
    epsilon = config.number("layer_norm_epsilon", DEFAULT_EPSILON)
    tied = config.values.get("tie_word_embeddings", True) is not False
    if width % heads:
        raise ConvertError(f"{config.where} says n_embd={width}, which does not divide into n_head={heads}")
    for key, known in VARIANTS.items():
        if config.values.get(key, known) is not known:
            raise ConvertError(f"{config.where} says {key}={config.values[key]!r}; only {known} is known")
    spec = TransformerDecoderModelSpec.from_config(
        layers, heads, pre_norm=True, activation=activation(config, "activation_function", "gelu_new")
    )
    spec.decoder.scale_embeddings = False

    prefix = "" if "wte.weight" in names else "transformer."
    weights: Weights = {
        **linear("decoder/embeddings", prefix + "wte", vocabulary, width, bias=False),
        "decoder/position_encodings/encodings": (Part(prefix + "wpe.weight", (positions, width)),),
        **layer_norm("decoder/layer_norm", prefix + "ln_f", width),
    }
    if not tied:
        weights |= linear("decoder/projection", "lm_head", vocabulary, width, bias=False)
    for layer in range(layers):
        to, source = f"decoder/layer_{layer}/", f"{prefix}h.{layer}."
        weights |= {
            **layer_norm(to + "self_attention/layer_norm", source + "ln_1", width),
            **_conv1d(to + "self_attention/linear_0", source + "attn.c_attn", 3 * width, width),
            **_conv1d(to + "self_attention/linear_1", source + "attn.c_proj", width, width),
            **layer_norm(to + "ffn/layer_norm", source + "ln_2", width),
            **_conv1d(to + "ffn/linear_0", source + "mlp.c_fc", inner, width),
            **_conv1d(to + "ffn/linear_1", source + "mlp.c_proj", width, inner),
        }
    return Plan(
        architecture="gpt2",
        positions=positions,
        vocabulary_size=vocabulary,
        spec=spec,
        weights=weights,
        aliases={"decoder/projection/weight": "decoder/embeddings/weight"} if tied else {},
        layer_norm_epsilon=None if epsilon == DEFAULT_EPSILON else epsilon,
        buffers=re.compile(BUFFERS + (r"|lm_head\.weight" if tied else "")),
        padding_token="<|extratoken_{}|>",
    )


def _conv1d(to: str, source: str, rows: int, columns: int) -> Weights:
    """GPT-2's linear layer: its weight is stored [columns, rows]."""
    return {
        f"{to}/weight": (Part(f"{source}.weight", (rows, columns), transposed=True),),
        f"{to}/bias": (Part(f"{source}.bias", (rows,)),),
    }
