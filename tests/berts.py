"""Tiny BERT encoders of random weights, as Hugging Face folders, and their states computed in numpy."""

import json
import math

import numpy as np
from checkpoints import gptj_folder
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WIDTH, INNER, LAYERS, HEADS, ROWS, POSITIONS, EPSILON = 32, 64, 2, 4, 96, 48, 1e-12
WORDS = ("tell", "me", "about", "a", "time", "when", "you", "led", "the", "team", "?", ".", "sep", "[", "]")
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
CONFIG = {
    "model_type": "bert", "vocab_size": ROWS, "hidden_size": WIDTH, "intermediate_size": INNER,
    "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "max_position_embeddings": POSITIONS,
    "type_vocab_size": 2, "layer_norm_eps": EPSILON, "hidden_act": "gelu",
}  # fmt: skip


def random_bert(seed: int = 0) -> dict[str, np.ndarray]:
    """Weights by Hugging Face's names, the pooler and a buffer among them."""
    shapes = {
        "embeddings.word_embeddings.weight": (ROWS, WIDTH),
        "embeddings.position_embeddings.weight": (POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        **_norm("embeddings"),
        **_linear("pooler", WIDTH, WIDTH),
    }
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        for name in ("attention.self.query", "attention.self.key", "attention.self.value"):
            shapes |= {f"{at}{name}.weight": (WIDTH, WIDTH), f"{at}{name}.bias": (WIDTH,)}
        shapes |= {**_linear(at + "attention.output", WIDTH, WIDTH), **_norm(at + "attention.output")}
        shapes |= {**_linear(at + "intermediate", INNER, WIDTH), **_linear(at + "output", WIDTH, INNER)}
        shapes |= _norm(at + "output")
    random = np.random.default_rng(seed)
    tensors = {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    return {**tensors, "embeddings.position_ids": np.zeros((1, POSITIONS), np.float32)}


def bert_folder(folder, tensors, **config):
    """A Hugging Face folder with a tokenizer of a few words, which pads and cuts as MiniLM's own does."""
    gptj_folder(folder, {**CONFIG, **config}, tensors)
    vocabulary = {token: number for number, token in enumerate((*SPECIALS, *WORDS))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens(list(SPECIALS))
    tokenizer.enable_padding(length=16)
    tokenizer.enable_truncation(16)
    tokenizer.save(str(folder / "tokenizer.json"))
    roles = {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(roles))
    return folder


def bert_states(tensors, ids) -> np.ndarray:
    """The last layer's states, [len(ids), WIDTH], in float64."""

    def linear(x, name):
        return x @ tensors[name + ".weight"].astype(float).T + tensors[name + ".bias"]

    def norm(x, name):
        centred = x - x.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
        return scaled * tensors[name + ".LayerNorm.weight"] + tensors[name + ".LayerNorm.bias"]

    def heads(x):
        return x.reshape(len(ids), HEADS, -1).swapaxes(0, 1)

    words, places, types = (
        tensors[f"embeddings.{kind}_embeddings.weight"] for kind in ("word", "position", "token_type")
    )
    x = norm(words[list(ids)].astype(float) + places[: len(ids)] + types[0], "embeddings")
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        q, k, v = (heads(linear(x, f"{at}attention.self.{name}")) for name in ("query", "key", "value"))
        weights = np.exp(q @ k.swapaxes(1, 2) / math.sqrt(WIDTH // HEADS))
        mixed = (weights / weights.sum(axis=-1, keepdims=True) @ v).swapaxes(0, 1).reshape(len(ids), WIDTH)
        x = norm(x + linear(mixed, at + "attention.output.dense"), at + "attention.output")
        inner = linear(x, at + "intermediate.dense")
        inner *= 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        x = norm(x + linear(inner, at + "output.dense"), at + "output")
    return x


def _linear(name, rows, columns):
    return {f"{name}.dense.weight": (rows, columns), f"{name}.dense.bias": (rows,)}


def _norm(name):
    return {f"{name}.LayerNorm.weight": (WIDTH,), f"{name}.LayerNorm.bias": (WIDTH,)}
