"""GPT-J: Hugging Face's names on the left, ctranslate2's variables as its own GPTJLoader fills them."""

import re

from ctranslate2.specs import TransformerDecoderModelSpec
from ctranslate2.specs.common_spec import Activation

from .errors import ConvertError
from .plan import Part, Plan, sliced_rotary_order
from .settings import Settings

ACTIVATIONS = {
    "gelu": Activation.GELU,
    "gelu_fast": Activation.GELUTanh,
    "gelu_new": Activation.GELUTanh,
    "gelu_pytorch_tanh": Activation.GELUTanh,
    "relu": Activation.RELU,
    "silu": Activation.SWISH,
}
# Masks and rotary tables that versions of transformers saved along with the weights.
BUFFERS = r"transformer\.h\.\d+\.attn\.(bias|masked_bias|embed_positions|rotary_emb\.inv_freq)"
DEFAULT_EPSILON = 1e-5  # ctranslate2's own, which its converter leaves unsaid


def gptj_plan(config: Settings) -> Plan:
    """Raises ConvertError when the configuration is not one of a GPT-J model."""
    vocabulary, width = config.count("vocab_size"), config.count("n_embd", limit=1 << 20)
    layers, heads = config.count("n_layer", limit=1024), config.count("n_head", limit=1024)
    inner = config.count("n_inner", default=4 * width)
    rotary_dim, epsilon = config.count("rotary_dim"), config.number("layer_norm_epsilon", DEFAULT_EPSILON)
    tied = config.values.get("tie_word_embeddings") is True
    if width % heads:
        raise ConvertError(f"{config.where} says n_embd={width}, which does not divide into n_head={heads}")
    if rotary_dim % 2 or rotary_dim > width // heads:
        raise ConvertError(
            f"{config.where} says rotary_dim={rotary_dim}; even and at most {width // heads} is needed"
        )
    activation = config.values.get("activation_function", "gelu_new")
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise ConvertError(
            f"{config.where} says activation_function={activation!r}; known: {', '.join(ACTIVATIONS)}"
        )

    order = sliced_rotary_order(width // heads, rotary_dim)
    weights: dict[str, tuple[Part, ...]] = {
        "decoder/embeddings/weight": (Part("transformer.wte.weight", (vocabulary, width)),),
        "decoder/layer_norm/gamma": (Part("transformer.ln_f.weight", (width,)),),
        "decoder/layer_norm/beta": (Part("transformer.ln_f.bias", (width,)),),
        "decoder/projection/bias": (Part("lm_head.bias", (vocabulary,)),),
    }
    if not tied:
        weights["decoder/projection/weight"] = (Part("lm_head.weight", (vocabulary, width)),)
    for layer in range(layers):
        to, source = f"decoder/layer_{layer}/", f"transformer.h.{layer}."
        weights |= {
            to + "shared_layer_norm/gamma": (Part(source + "ln_1.weight", (width,)),),
            to + "shared_layer_norm/beta": (Part(source + "ln_1.bias", (width,)),),
            to + "self_attention/linear_0/weight": (
                Part(source + "attn.q_proj.weight", (width, width), order),
                Part(source + "attn.k_proj.weight", (width, width), order),
                Part(source + "attn.v_proj.weight", (width, width)),
            ),
            to + "self_attention/linear_1/weight": (Part(source + "attn.out_proj.weight", (width, width)),),
            to + "ffn/linear_0/weight": (Part(source + "mlp.fc_in.weight", (inner, width)),),
            to + "ffn/linear_0/bias": (Part(source + "mlp.fc_in.bias", (inner,)),),
            to + "ffn/linear_1/weight": (Part(source + "mlp.fc_out.weight", (width, inner)),),
            to + "ffn/linear_1/bias": (Part(source + "mlp.fc_out.bias", (width,)),),
        }
    spec = TransformerDecoderModelSpec.from_config(
        layers,
        heads,
        pre_norm=True,
        activation=ACTIVATIONS[activation],
        rotary_dim=rotary_dim,
        rotary_interleave=False,
        parallel_residual=True,
        shared_layer_norm=True,
    )
    spec.decoder.scale_embeddings = False
    return Plan(
        architecture="gptj",
        positions=config.count("n_positions"),
        vocabulary_size=vocabulary,
        spec=spec,
        weights=weights,
        aliases={"decoder/projection/weight": "decoder/embeddings/weight"} if tied else {},
        layer_norm_epsilon=None if epsilon == DEFAULT_EPSILON else epsilon,
        # A tied checkpoint may still carry its copy of the embedding.
        buffers=re.compile(BUFFERS + (r"|lm_head\.weight" if tied else "")),
        padding_token="<|extratoken_{}|>",
    )
