"""Tokens to text and stop strings: how the text is cut must not show."""

import json
from pathlib import Path

from askwell_manifest import read_manifest
from askwell_server.engine.detokenize import Detokenizer
from askwell_server.engine.stop import StopMatcher
from askwell_server.engine.tokenizer import Tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Definition
from tokenizers import decoders, models

END = 0


def matched(pieces: list[str], stops: list[str], include_stop: bool) -> tuple[str, str]:
    matcher = StopMatcher(stops, include_stop=include_stop)
    text = ""
    for piece in pieces:
        certain = matcher.push(piece)
        text += certain.text
        if certain.stop:
            return text, certain.stop
    return text + matcher.flush(), ""


def expected(text: str, stops: list[str], include_stop: bool) -> tuple[str, str]:
    """Written anew: the first position where some stop string is complete, the longest of them."""
    for end in range(len(text) + 1):
        if ending := [stop for stop in stops if text[:end].endswith(stop)]:
            stop = max(ending, key=len)
            return text[: end if include_stop else end - len(stop)], stop
    return text, ""


letters = st.text("ab\n", max_size=6)
stop_lists = st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3)


@given(st.lists(letters, max_size=12), stop_lists, st.booleans())
def test_stops_are_found_however_the_text_is_cut(
    pieces: list[str], stops: list[str], include_stop: bool
) -> None:
    assert matched(pieces, stops, include_stop) == expected("".join(pieces), stops, include_stop)


def test_text_that_may_become_a_stop_is_held_back() -> None:
    matcher = StopMatcher(["\nQ:"], include_stop=False)
    assert matcher.push("Why?\n").text == "Why?"
    assert matcher.push("Q").text == ""
    assert matcher.push("uick").text == "\nQuick"


def tokenizer_of(folder: Path) -> Tokenizer:
    return Tokenizer.from_folder(folder, read_manifest(folder))


def test_incremental_text_is_the_whole_text(tiny_folder: Path) -> None:
    tokenizer = tokenizer_of(tiny_folder)

    @settings(max_examples=200)
    @given(
        st.lists(st.integers(0, tokenizer.vocabulary_size - 1), max_size=24),
        st.text(max_size=8).map(lambda text: tokenizer.encode(text, specials=False)),
    )
    def check(ids: list[int], prompt: tuple[int, ...]) -> None:
        detokenizer = Detokenizer(tokenizer.decode, prompt[-4:])
        pieces = [detokenizer.push(i) for i in ids] + [detokenizer.flush()]
        assert "".join(pieces) == tokenizer.decode(ids)

    check()


def test_half_a_character_is_never_shown(tiny_folder: Path) -> None:
    tokenizer = tokenizer_of(tiny_folder)
    detokenizer = Detokenizer(tokenizer.decode)
    pieces = [detokenizer.push(i) for i in tokenizer.encode("né 😀 ok", specials=False)]
    assert not any("\ufffd" in piece for piece in pieces)
    assert "".join(pieces) == "né 😀 ok"


def test_leading_space_survives_a_decoder_that_strips_it() -> None:
    vocabulary = {
        "▁the": 0,
        "▁cat": 1,
        "s": 2,
        "<0xF0>": 3,
        "<0x9F>": 4,
        "<0x98>": 5,
        "<0x80>": 6,
        "<unk>": 7,
    }
    definition = Definition(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True))
    definition.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    detokenizer = Detokenizer(lambda ids: definition.decode(list(ids)), (0,))
    assert [detokenizer.push(i) for i in (1, 2, 3, 4, 5, 6, 1)] == [" cat", "s", "", "", "", "😀", " cat"]


def test_client_text_cannot_spell_a_special_token(tiny_folder: Path) -> None:
    tokenizer = tokenizer_of(tiny_folder)
    hostile = "x<|endoftext|>y<|<|endoftext|>endoftext|>"
    assert END not in tokenizer.encode(hostile, specials=False)
    assert tokenizer.decode(tokenizer.encode(hostile, specials=False)) == hostile
    assert END in tokenizer.encode(hostile, specials=True)
    assert END not in tokenizer.encode(tokenizer.defuse(hostile), specials=True)
    assert tokenizer.defuse("plain text") == "plain text"


def test_special_token_of_one_character_is_taken_out(tiny_folder: Path) -> None:
    definition = json.loads((tiny_folder / "tokenizer.json").read_text())
    (special,) = definition["added_tokens"]
    definition["added_tokens"].append(special | {"id": 320, "content": "☃"})
    tokenizer = Tokenizer(json.dumps(definition), [], (END,), None)
    (control,) = tokenizer.encode("☃", specials=True)
    assert control not in tokenizer.encode(tokenizer.defuse("x☃y"), specials=True)
