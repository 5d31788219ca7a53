"""GPT-J: Hugging Face's names on the left, ctranslate2's variables as its own GPTJLoader fills them."""

import re
from collections.abc import Collection

from ctranslate2.specs import TransformerDecoderModelSpec

from .activation import activation
from .errors import ConvertError
from .plan import Part, Plan, Weights, layer_norm, linear, sliced_rotary_order
from .settings import Settings

# Masks and rotary tables that versions of transformers saved along with the weights.
BUFFERS = r"transformer\.h\.\d+\.attn\.(bias|masked_bias|embed_positions|rotary_emb\.inv_freq)"
DEFAULT_EPSILON = 1e-5  # ctranslate2's own, which its converter leaves unsaid


def gptj_plan(config: Settings, names: Collection[str]) -> Plan:
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
    spec = TransformerDecoderModelSpec.from_config(
        layers,
        heads,
        pre_norm=True,
        activation=activation(config, "activation_function", "gelu_new"),
        rotary_dim=rotary_dim,
        rotary_interleave=False,
        parallel_residual=True,
        shared_layer_norm=True,
    )
    spec.decoder.scale_embeddings = False

    order = sliced_rotary_order(width // heads, rotary_dim)
    weights: Weights = {
        **linear("decoder/embeddings", "transformer.wte", vocabulary, width, bias=False),
        **layer_norm("decoder/layer_norm", "transformer.ln_f", width),
        **linear("decoder/projection", "lm_head", vocabulary, width),
    }
    if tied:
        del weights["decoder/projection/weight"]
    for layer in range(layers):
        to, source = f"decoder/layer_{layer}/", f"transformer.h.{layer}."
        weights |= {
            **layer_norm(to + "shared_layer_norm", source + "ln_1", width),
            to + "self_attention/linear_0/weight": (
                Part(source + "attn.q_proj.weight", (width, width), order),
                Part(source + "attn.k_proj.weight", (width, width), order),
                Part(source + "attn.v_proj.weight", (width, width)),
            ),
            **linear(to + "self_attention/linear_1", source + "attn.out_proj", width, width, bias=False),
            **linear(to + "ffn/linear_0", source + "mlp.fc_in", inner, width),
            **linear(to + "ffn/linear_1", source + "mlp.fc_out", width, inner),
        }
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
