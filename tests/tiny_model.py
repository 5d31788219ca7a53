"""A model folder made in a tenth of a second: GPT-J's architecture, random float32 weights, a byte-level BPE.

It never generates its end token.

folder = make_tiny_model(tmp_path / "tiny")
"""

import json
from pathlib import Path

import numpy as np
from askwell_manifest import MANIFEST_NAME, Manifest
from askwell_server.engine.cost import CostModel
from ctranslate2.specs import TransformerDecoderModelSpec, common_spec
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END_TOKEN = "<|endoftext|>"
POSITIONS = 256
VOCABULARY_SIZE = 320
# Its real steps are so short that a fitted cost model is noise. By this one batches pay, as on real models.
BATCHING_PAYS = CostModel(
    prefill_call_s=1e-4, prefill_token_s=3e-6, prefill_pair_s=0.0,
    step_call_s=2e-4, step_row_s=1e-5, step_cached_s=0.0,
)  # fmt: skip
_WIDTH, _HEADS, _LAYERS, _ROTARY = 32, 4, 2, 4
_CORPUS = (
    "The candidate designed the payment service and led a team of five engineers. "
    "Tell me about a time when you disagreed with a decision, and what you did. "
    "How would you find out why the nightly report is late?"
)


def make_tiny_model(folder: Path, seed: int = 0) -> Path:
    """Write the model folder and return it. The same seed gives the same bytes."""
    folder.mkdir(parents=True)
    vocabulary = _write_tokenizer(folder)
    spec = TransformerDecoderModelSpec.from_config(
        _LAYERS,
        _HEADS,
        activation=common_spec.Activation.GELUTanh,
        rotary_dim=_ROTARY,
        rotary_interleave=False,
        parallel_residual=True,
        shared_layer_norm=True,
    )
    _fill(spec.decoder, np.random.default_rng(seed))
    spec.register_vocabulary(vocabulary)
    spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = END_TOKEN
    spec.validate()
    spec.save(str(folder))
    manifest = Manifest(
        name="tiny-gptj",
        source="tests",
        architecture="gptj",
        positions=POSITIONS,
        vocabulary_size=VOCABULARY_SIZE,
        quantization="float32",
        weight_range=0,
        prompt_style="base",
        end_tokens=(END_TOKEN,),
    )
    (folder / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
    return folder


def _fill(decoder: object, random: np.random.Generator) -> None:
    def normal(*shape: int, scale: float = 0.25) -> np.ndarray:
        return random.normal(0, scale, shape).astype(np.float32)

    decoder.scale_embeddings = False
    decoder.embeddings.weight = normal(VOCABULARY_SIZE, _WIDTH, scale=1.0)
    _fill_norm(decoder.layer_norm)
    decoder.projection.weight = normal(VOCABULARY_SIZE, _WIDTH, scale=1.0)
    decoder.projection.bias = normal(VOCABULARY_SIZE)
    decoder.projection.bias[0] = -1e4  # the end token: rows run to their limit
    for layer in decoder.layer:
        _fill_norm(layer.shared_layer_norm)
        layer.self_attention.linear[0].weight = normal(3 * _WIDTH, _WIDTH)
        layer.self_attention.linear[1].weight = normal(_WIDTH, _WIDTH)
        layer.ffn.linear_0.weight = normal(4 * _WIDTH, _WIDTH)
        layer.ffn.linear_0.bias = normal(4 * _WIDTH)
        layer.ffn.linear_1.weight = normal(_WIDTH, 4 * _WIDTH)
        layer.ffn.linear_1.bias = normal(_WIDTH)


def _fill_norm(norm: object) -> None:
    norm.gamma = np.ones(_WIDTH, np.float32)
    norm.beta = np.zeros(_WIDTH, np.float32)


def _write_tokenizer(folder: Path) -> list[str]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=[END_TOKEN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([_CORPUS], trainer)
    assert tokenizer.get_vocab_size() == VOCABULARY_SIZE
    tokenizer.save(str(folder / "tokenizer.json"))
    vocabulary = [tokenizer.id_to_token(i) for i in range(VOCABULARY_SIZE)]
    (folder / "vocabulary.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    return vocabulary
