"""BERT: Hugging Face's names on the left, ctranslate2's variables as its own BertLoader fills them."""

import re
from collections.abc import Collection

from ctranslate2.specs import TransformerEncoderModelSpec
from ctranslate2.specs.common_spec import EmbeddingsMerge
from ctranslate2.specs.transformer_spec import TransformerEncoderSpec

from .activation import activation
from .errors import ConvertError
from .plan import Part, Plan, Weights, layer_norm, linear
from .settings import Settings

DEFAULT_EPSILON = 1e-12
# What changes the computation, and the only value of it that is computed here.
VARIANTS = {"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False}


def bert_plan(config: Settings, names: Collection[str]) -> Plan:
    """Raises ConvertError when the configuration is not one of a BERT encoder.

    ``names`` are the checkpoint's: one saved from a model with a task has ``bert.`` before them. The pooler
    and the heads of tasks are left out: a sentence's vector is made of its tokens' states.
    """
    vocabulary, width = config.count("vocab_size"), config.count("hidden_size", limit=1 << 20)
    layers, heads = (config.count(f"num_{what}", limit=1024) for what in ("hidden_layers", "attention_heads"))
    positions, inner = config.count("max_position_embeddings"), config.count("intermediate_size")
    types = config.count("type_vocab_size", default=2)
    if width % heads:
        raise ConvertError(
            f"{config.where} says hidden_size={width}, which does not divide into num_attention_heads={heads}"
        )
    for key, known in VARIANTS.items():
        if config.values.get(key, known) != known:
            raise ConvertError(f"{config.where} says {key}={config.values[key]!r}; only {known!r} is known")
    encoder = TransformerEncoderSpec(
        layers,
        heads,
        pre_norm=False,
        activation=activation(config, "hidden_act", "gelu"),
        layernorm_embedding=True,
        num_source_embeddings=2,
        embeddings_merge=EmbeddingsMerge.ADD,
    )
    encoder.scale_embeddings = False

    prefix = "bert." if "bert.embeddings.word_embeddings.weight" in names else ""
    at = prefix + "embeddings."
    weights: Weights = {
        **linear("encoder/embeddings_0", at + "word_embeddings", vocabulary, width, bias=False),
        **linear("encoder/embeddings_1", at + "token_type_embeddings", types, width, bias=False),
        "encoder/position_encodings/encodings": (
            Part(at + "position_embeddings.weight", (positions, width)),
        ),
        **layer_norm("encoder/layernorm_embedding", at + "LayerNorm", width),
    }
    for layer in range(layers):
        to, source = f"encoder/layer_{layer}/", f"{prefix}encoder.layer.{layer}."
        qkv = [f"{source}attention.self.{name}" for name in ("query", "key", "value")]
        weights |= {
            to + "self_attention/linear_0/weight": tuple(
                Part(name + ".weight", (width, width)) for name in qkv
            ),
            to + "self_attention/linear_0/bias": tuple(Part(name + ".bias", (width,)) for name in qkv),
            **linear(to + "self_attention/linear_1", source + "attention.output.dense", width, width),
            **layer_norm(to + "self_attention/layer_norm", source + "attention.output.LayerNorm", width),
            **linear(to + "ffn/linear_0", source + "intermediate.dense", inner, width),
            **linear(to + "ffn/linear_1", source + "output.dense", width, inner),
            **layer_norm(to + "ffn/layer_norm", source + "output.LayerNorm", width),
        }
    return Plan(
        architecture="bert",
        positions=positions,
        vocabulary_size=vocabulary,
        spec=TransformerEncoderModelSpec(encoder),
        weights=weights,
        aliases={},
        layer_norm_epsilon=config.number("layer_norm_eps", DEFAULT_EPSILON),
        buffers=re.compile(re.escape(prefix) + r"(embeddings\.(position|token_type)_ids|pooler\..+)|cls\..+"),
        padding_token="<extra_id_{}>",
    )
