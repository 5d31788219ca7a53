import json
import sys

import pytest
from askwell_convert.errors import ConvertError
from askwell_convert.folder_tokenizer import read_folder_tokenizer
from askwell_convert.gguf_tokenizer import gguf_tokenizer
from askwell_convert.settings import Settings
from askwell_convert.tokenizer import model_vocabulary, refuse_duplicates
from checkpoints import TINY_GPTJ
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

TEXTS = [
    "Tell me about a time when you had to learn quickly.",
    "What's the 2nd of 1,234 things you'd do?  Now\n\n  12 more.",
    "naïve café — 東京 2024年 🤖👩‍🔬 ½",
    "def f(x):\n\treturn x ** 2  # squared",
    "<|endoftext|>after the end<|endoftext|>",
    "",
]


@pytest.fixture
def original():
    return Tokenizer.from_file(str(TINY_GPTJ / "tokenizer.json"))


def gguf_metadata(**changes):
    """The tiny model's tokenizer as a GGUF file would carry it."""
    model = json.loads((TINY_GPTJ / "tokenizer.json").read_text())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    values = {
        "model": "gpt2",
        "pre": "gpt-2",
        "tokens": tokens,
        "merges": [" ".join(pair) for pair in model["merges"]],
        "token_type": [3] + [1] * (len(tokens) - 1),
        "eos_token_id": 0,
        **changes,
    }
    return Settings({f"tokenizer.ggml.{key}": value for key, value in values.items()}, "a.gguf")


def test_tokenizer_of_gguf_metadata_encodes_as_the_original(original):
    built = Tokenizer.from_str(gguf_tokenizer(gguf_metadata()).json_text)
    for text in TEXTS:
        assert built.encode(text).ids == original.encode(text).ids
        assert built.decode(built.encode(text).ids, skip_special_tokens=False) == text


def test_smollm_takes_every_digit_alone_even_after_spaces():
    """As llama.cpp does; transformers' reading of GGUF files forgets it, which shows after two spaces."""
    built = Tokenizer.from_str(gguf_tokenizer(gguf_metadata(pre="smollm")).json_text)
    pieces = built.pre_tokenizer.pre_tokenize_str("a  12 b")
    assert [piece for piece, _ in pieces] == ["a", "ĠĠ", "1", "2", "Ġb"]


@pytest.mark.parametrize(
    ("pre", "pieces"),
    [
        ("gpt-2", ["I", "'ll", "Ġpay", "Ġ12345", "!!", "ĊĊ"]),
        ("llama-bpe", ["I", "'ll", "Ġpay", "Ġ", "123", "45", "!!ĊĊ"]),
        ("qwen2", ["I", "'ll", "Ġpay", "Ġ", "1", "2", "3", "4", "5", "!!ĊĊ"]),
    ],
)
def test_each_splitting_cuts_as_its_models_do(pre, pieces):
    built = Tokenizer.from_str(gguf_tokenizer(gguf_metadata(pre=pre)).json_text)
    assert [piece for piece, _ in built.pre_tokenizer.pre_tokenize_str("I'll pay 12345!!\n\n")] == pieces


def test_roles_of_gguf_tokens_are_spelled_out():
    special = gguf_tokenizer(gguf_metadata(bos_token_id=0, eot_token_id=5, add_bos_token=True)).special
    tokens = gguf_metadata().values["tokenizer.ggml.tokens"]
    assert (special.bos, special.eos, special.unk) == ("<|endoftext|>", "<|endoftext|>", None)
    assert (special.ends, special.add_bos) == (("<|endoftext|>", tokens[5]), True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eos_token_id": None}, "which token ends"),
        ({"eos_token_id": 9999}, "eos_token_id=9999"),
        ({"token_type": [1]}, "as many token types"),
        ({"merges": ["zz yy"]}, "do not fit"),
        ({"tokens": None}, "lacks tokenizer.ggml.tokens"),
    ],
)
def test_gguf_tokenizer_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(ConvertError, match=message):
        gguf_tokenizer(gguf_metadata(**changes))


def test_tokenizer_is_built_from_vocabulary_and_merges(tmp_path, original):
    model = json.loads((TINY_GPTJ / "tokenizer.json").read_text())["model"]
    (tmp_path / "vocab.json").write_text(json.dumps(model["vocab"]))
    (tmp_path / "merges.txt").write_text(
        "#version: 0.2\n" + "\n".join(" ".join(pair) for pair in model["merges"])
    )
    (tmp_path / "added_tokens.json").write_text(
        json.dumps({"<|extratoken_2|>": 321, "<|extratoken_1|>": 320})
    )
    source = read_folder_tokenizer(tmp_path, {})
    built = Tokenizer.from_str(source.json_text)
    for text in TEXTS:
        assert built.encode(text).ids == original.encode(text).ids
    assert built.token_to_id("<|extratoken_2|>") == 321
    assert (source.special.eos, source.special.unk, source.special.add_bos) == ("<|endoftext|>",) * 2 + (
        False,
    )


@pytest.fixture
def bpe_folder(tmp_path):
    """A folder with the tiny model's tokenizer as GPT-2's files, 320 tokens."""
    model = json.loads((TINY_GPTJ / "tokenizer.json").read_text())["model"]
    (tmp_path / "vocab.json").write_text(json.dumps(model["vocab"]))
    (tmp_path / "merges.txt").write_text("\n".join(" ".join(pair) for pair in model["merges"]))
    return tmp_path


def test_added_end_token_keeps_the_id_that_its_file_gives(bpe_folder):
    (bpe_folder / "added_tokens.json").write_text(json.dumps({"<|im_end|>": 321, "<|im_start|>": 320}))
    (bpe_folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|im_end|>"}))
    source = read_folder_tokenizer(bpe_folder, {})
    built = Tokenizer.from_str(source.json_text)
    assert (source.special.eos, built.encode("<|im_end|>").ids) == ("<|im_end|>", [321])
    assert built.decode([321, 320]) == "<|im_start|>"


def test_space_before_the_first_word_is_added_where_the_settings_say_so(bpe_folder):
    (bpe_folder / "tokenizer_config.json").write_text(json.dumps({"add_prefix_space": True}))
    built = Tokenizer.from_str(read_folder_tokenizer(bpe_folder, {}).json_text)
    assert built.decode(built.encode("hello").ids) == " hello"


def test_padding_is_not_taken_for_a_begin_token(tmp_path, original):
    original.enable_padding(direction="left", pad_id=0, pad_token="<|endoftext|>", length=8)
    original.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<|endoftext|>"}))
    assert not read_folder_tokenizer(tmp_path, {}).special.add_bos


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("added_tokens.json", '{"a": "x", "b": 3}', "the id 'x', which is no number"),
        ("tokenizer_config.json", '{"chat_template": "\\ud800"}', "surrogates not allowed"),
    ],
)
def test_tokenizer_file_that_cannot_be_used_is_named(bpe_folder, name, text, message):
    (bpe_folder / name).write_text(text)
    with pytest.raises(ConvertError, match=message) as refused:
        read_folder_tokenizer(bpe_folder, {})
    assert name in str(refused.value)


TWICE = {
    "spelling": ('{"<|endoftext|>":0,', '{"<|endoftext|>":0,"a":65,"a":7,', "'a' twice"),
    "added token": ('"added_tokens":[', '"added_tokens":[{"id":9,"content":"<|endoftext|>"},', "twice"),
    "added id": ('"added_tokens":[', '"added_tokens":[{"id":0,"content":"new"},', "has 0 twice"),
}


@pytest.mark.parametrize(("old", "new", "message"), TWICE.values(), ids=TWICE)
def test_vocabulary_with_a_token_twice_is_refused(old, new, message):
    text = json.dumps(json.loads((TINY_GPTJ / "tokenizer.json").read_text()), separators=(",", ":"))
    assert old in text
    with pytest.raises(ConvertError, match=message):
        refuse_duplicates(text.replace(old, new), "tokenizer.json")


def test_piece_of_a_unigram_model_twice_is_refused():
    with pytest.raises(ConvertError, match="'b' twice"):
        refuse_duplicates('{"model": {"vocab": [["a", 0], ["b", -1], ["b", -2]]}}', "tokenizer.json")


@pytest.mark.parametrize("name", ["tokenizer.model", "tiktoken.model", "merges.txt"])
def test_tokenizer_that_transformers_must_read_says_what_to_install(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "transformers", None)
    for file in {name, "vocab.json"}:
        (tmp_path / file).write_text("{}")
    with pytest.raises(ConvertError, match=r"pip install 'askwell\[torch\]'"):
        read_folder_tokenizer(tmp_path, {"model_type": "qwen2"})


def test_ids_and_templates_of_no_use_are_passed_over(bpe_folder):
    (bpe_folder / "tokenizer_config.json").write_text('{"chat_template": [{"name": "default"}]}')
    source = read_folder_tokenizer(bpe_folder, {"eos_token_id": 1 << 40})
    assert (source.chat_template, source.special.ends) == (None, ("<|endoftext|>",))


def test_end_tokens_and_template_come_from_every_file_that_has_them(tmp_path):
    (tmp_path / "tokenizer.json").write_bytes((TINY_GPTJ / "tokenizer.json").read_bytes())
    settings = {
        "eos_token": {"content": "<|endoftext|>"},
        "chat_template": [{"name": "default", "template": "T"}],
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [0, 7]}))
    source = read_folder_tokenizer(tmp_path, {"eos_token_id": 9})
    tokens = gguf_metadata().values["tokenizer.ggml.tokens"]
    assert source.special.ends == ("<|endoftext|>", tokens[7], tokens[9])
    assert source.chat_template == "T"


def test_vocabulary_has_one_unique_name_per_row():
    holes = Tokenizer(WordLevel({"a": 0, "<pad_1>": 2, "b": 3}, unk_token="a"))
    assert model_vocabulary(holes, 6, "<pad_{}>", "x") == [
        "a",
        "<pad_2>",
        "<pad_1>",
        "b",
        "<pad_3>",
        "<pad_4>",
    ]
    with pytest.raises(ConvertError, match="id 3; the embedding has only 3 rows"):
        model_vocabulary(holes, 3, "<pad_{}>", "x")
    twice = Tokenizer(WordLevel({"a": 0, "b": 0}, unk_token="a"))
    with pytest.raises(ConvertError, match="gives id 0"):
        model_vocabulary(twice, 3, "<pad_{}>", "x")
