"""Tokenizers of other libraries, against those libraries. Needs the extra torch: ``make test-torch``."""

import base64
import io
import json
from pathlib import Path

import pytest
from askwell_convert.folder_tokenizer import read_folder_tokenizer
from askwell_convert.gguf_tokenizer import gguf_tokenizer
from askwell_convert.settings import Settings
from checkpoints import TINY_GPTJ
from tokenizers import Tokenizer

sentencepiece = pytest.importorskip("sentencepiece")
tiktoken = pytest.importorskip("tiktoken")
pytest.importorskip("transformers")

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("default")]

EXAMPLES = Path(__file__).parents[2] / "examples"
TEXTS = [
    "Tell me about  a time when you led 12 people.",
    "naïve café — 東京 2024年 🤖",
    "def f(x):\n\n\treturn x ** 2",
    "a space at the end ",
]
LLAMA_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@pytest.fixture(scope="module")
def pieces():
    """A sentencepiece model as Llama 2's: byte-pair merges, bytes for what it does not know."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(
            line for path in sorted(EXAMPLES.rglob("*.md")) for line in path.read_text().splitlines()
        ),
        model_writer=model,
        vocab_size=600,
        model_type="bpe",
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def test_sentencepiece_model_of_a_folder_encodes_as_its_library(tmp_path, pieces):
    (tmp_path / "tokenizer.model").write_bytes(pieces.serialized_model_proto())
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "LlamaTokenizer"}')
    source = read_folder_tokenizer(tmp_path, {"model_type": "llama"})
    built = Tokenizer.from_str(source.json_text)
    assert (source.special.bos, source.special.eos, source.special.unk) == ("<s>", "</s>", "<unk>")
    for text in TEXTS:
        assert built.encode(text, add_special_tokens=False).ids == pieces.encode(text)
        assert built.decode(pieces.encode(text)) == pieces.decode(pieces.encode(text))


def test_sentencepiece_tokens_of_a_gguf_file_encode_as_their_library(pieces):
    ids = range(pieces.vocab_size())
    values = {
        "model": "llama",
        "tokens": [pieces.id_to_piece(i) for i in ids],
        "scores": [pieces.get_score(i) for i in ids],
        "token_type": [
            2 if pieces.is_unknown(i) else 3 if pieces.is_control(i) else 6 if pieces.is_byte(i) else 1
            for i in ids
        ],
        "bos_token_id": pieces.bos_id(),
        "eos_token_id": pieces.eos_id(),
    }
    source = gguf_tokenizer(Settings({f"tokenizer.ggml.{k}": v for k, v in values.items()}, "a.gguf"))
    built = Tokenizer.from_str(source.json_text)
    assert (source.special.bos, source.special.eos, source.special.add_bos) == ("<s>", "</s>", True)
    for text in [*TEXTS, " a space before all"]:  # which transformers does not double, as the library does
        assert built.encode(text).ids == pieces.encode(text)
        assert built.decode(pieces.encode(text)) == pieces.decode(pieces.encode(text))


def test_tiktoken_file_of_a_folder_encodes_as_its_library(tmp_path):
    spelled = Tokenizer.from_file(str(TINY_GPTJ / "tokenizer.json"))
    single = {bytes([byte]): byte for byte in range(256)}
    words = sorted(
        {spelled.decode([i]).encode() for i in range(257, 320)} - set(single),
        key=lambda word: (len(word), word),
    )
    # Only words of two words that have ranks already can be reached by merging.
    ranks = dict(single)
    for word in words:
        if any(word[:at] in ranks and word[at:] in ranks for at in range(1, len(word))):
            ranks[word] = len(ranks)
    lines = [f"{base64.b64encode(word).decode()} {rank}" for word, rank in ranks.items()]
    (tmp_path / "tiktoken.model").write_text("\n".join(lines))
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    added = {str(len(ranks)): {"content": "<|end_of_text|>", "special": True}}
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|end_of_text|>",
        "added_tokens_decoder": added,
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    built = Tokenizer.from_str(read_folder_tokenizer(tmp_path, {"model_type": "llama"}).json_text)
    library = tiktoken.Encoding("tiny", pat_str=LLAMA_PATTERN, mergeable_ranks=ranks, special_tokens={})
    assert len(ranks) > 280
    for text in TEXTS:
        assert built.encode(text).ids == library.encode(text)
    assert built.token_to_id("<|end_of_text|>") == len(ranks)
