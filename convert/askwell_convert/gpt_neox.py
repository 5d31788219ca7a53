"""GPT-NeoX: Hugging Face's names on the left, ctranslate2's variables as its GPTNeoXLoader fills them."""

import re
from collections.abc import Collection

from ctranslate2.specs import TransformerDecoderModelSpec

from .activation import activation
from .errors import ConvertError
from .plan import Part, Plan, Weights, layer_norm, linear
from .rotary import rotary_base, rotary_settings
from .settings import Settings

BUFFERS = r"gpt_neox\.layers\.\d+\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)"
DEFAULT_EPSILON = 1e-5  # ctranslate2's own, which its converter leaves unsaid


def gpt_neox_plan(config: Settings, names: Collection[str]) -> Plan:
    """Raises ConvertError when the configuration is not one of a GPT-NeoX model."""
    vocabulary, width = config.count("vocab_size"), config.count("hidden_size", limit=1 << 20)
    layers = config.count("num_hidden_layers", limit=1024)
    heads = config.count("num_attention_heads", limit=1024)
    inner, epsilon = config.count("intermediate_size"), config.number("layer_norm_eps", DEFAULT_EPSILON)
    if width % heads:
        raise ConvertError(
            f"{config.where} says hidden_size={width}, which does not divide into num_attention_heads={heads}"
        )
    head_rows = width // heads
    parallel = config.values.get("use_parallel_residual", True) is not False
    bias = config.values.get("attention_bias", True) is not False
    tied = config.values.get("tie_word_embeddings") is True
    spec = TransformerDecoderModelSpec.from_config(
        layers,
        heads,
        pre_norm=True,
        activation=activation(config, "hidden_act", "gelu"),
        rotary_dim=_rotary_dim(config, head_rows),
        rotary_interleave=False,
        rotary_base=rotary_base(config, "rotary_emb_base"),
        parallel_residual=parallel,
        shared_layer_norm=False,
    )
    spec.decoder.scale_embeddings = False

    head = "lm_head" if "lm_head.weight" in names else "embed_out"  # transformers 5 has renamed it in memory
    weights: Weights = {
        **linear("decoder/embeddings", "gpt_neox.embed_in", vocabulary, width, bias=False),
        **layer_norm("decoder/layer_norm", "gpt_neox.final_layer_norm", width),
    }
    if not tied:
        weights |= linear("decoder/projection", head, vocabulary, width, bias=False)
    norms = (
        ("input_layer_norm", "post_attention_layer_norm")
        if parallel
        else ("self_attention/layer_norm", "ffn/layer_norm")
    )
    for layer in range(layers):
        to, source = f"decoder/layer_{layer}/", f"gpt_neox.layers.{layer}."
        weights |= {
            **layer_norm(to + norms[0], source + "input_layernorm", width),
            **layer_norm(to + norms[1], source + "post_attention_layernorm", width),
            **_regrouped(
                to + "self_attention/linear_0",
                source + "attention.query_key_value",
                heads,
                head_rows,
                bias=bias,
            ),
            **linear(to + "self_attention/linear_1", source + "attention.dense", width, width, bias=bias),
            **linear(to + "ffn/linear_0", source + "mlp.dense_h_to_4h", inner, width),
            **linear(to + "ffn/linear_1", source + "mlp.dense_4h_to_h", width, inner),
        }
    return Plan(
        architecture="gpt_neox",
        positions=config.count("max_position_embeddings"),
        vocabulary_size=vocabulary,
        spec=spec,
        weights=weights,
        aliases={"decoder/projection/weight": "decoder/embeddings/weight"} if tied else {},
        layer_norm_epsilon=None if epsilon == DEFAULT_EPSILON else epsilon,
        buffers=re.compile(BUFFERS + (rf"|{head}\.weight" if tied else "")),
        padding_token="<extra_id_{}>",
    )


def _rotary_dim(config: Settings, head_rows: int) -> int:
    share = rotary_settings(config).get("partial_rotary_factor", config.values.get("rotary_pct"))
    rotary_dim = int(Settings({"rotary_pct": share}, config.where).number("rotary_pct", 0.25) * head_rows)
    if rotary_dim % 2 or not 2 <= rotary_dim <= head_rows:
        raise ConvertError(
            f"{config.where} rotates {rotary_dim} of the {head_rows} rows of a head; an even number is needed"
        )
    return rotary_dim


def _regrouped(to: str, source: str, heads: int, head_rows: int, *, bias: bool) -> Weights:
    """NeoX stores query, key and value head by head; ctranslate2 wants all queries first, then the keys."""
    width = heads * head_rows
    starts = [(3 * head + kind) * head_rows for kind in range(3) for head in range(heads)]

    def parts(name: str, *columns: int) -> tuple[Part, ...]:
        whole = (3 * width, *columns)
        return tuple(Part(name, (head_rows, *columns), start=at, tensor_shape=whole) for at in starts)

    weights = {f"{to}/weight": parts(f"{source}.weight", width)}
    return weights | ({f"{to}/bias": parts(f"{source}.bias")} if bias else {})
