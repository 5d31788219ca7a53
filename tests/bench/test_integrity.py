"""What the integrity run holds for the truth, on the tiny model, and how it judges."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from random import Random

import pytest
from askwell_bench.integrity.answer import Answer, Text
from askwell_bench.integrity.reference import Alone, Reference
from askwell_bench.integrity.request import Asked, Bounds, Choice, requests
from askwell_bench.integrity.verdict import judged
from tiny_model import VOCABULARY_SIZE, make_tiny_model

PROMPT = (50, 51, 52)
ASKED = Asked(Choice(PROMPT), max_new_tokens=4)
EXPECTED = Text((7, 8, 9, 10), "MAX_TOKENS", "abcd")
ALONE = (7, 8, 9, 10, 11)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    found = [Reference(make_tiny_model(tmp_path_factory.mktemp("models") / "tiny"), workers=2)]
    yield found[0]
    found.clear()


def near(asked: Asked, position: int, one: int | None, other: int | None) -> float:
    return 5e-5


def far(asked: Asked, position: int, one: int | None, other: int | None) -> float:
    return 0.5


def kind(text: Text, *, asked: Asked = ASKED, gap: object = far) -> str:
    return judged(asked, EXPECTED, ALONE, Answer((text,)), gap).kind  # type: ignore[arg-type]


def test_another_token_is_forgiven_only_where_two_are_as_good_as_equal() -> None:
    other = Text((7, 8, 5, 6), "MAX_TOKENS", "abxy")
    assert kind(EXPECTED) == "equal"
    assert kind(other, gap=near) == "near"
    assert kind(other, gap=far) == "different"
    assert kind(Text((7, 8), "EOS", "ab"), gap=near) == "near"


def test_equal_tokens_that_end_or_read_otherwise_are_an_error() -> None:
    for text in (
        replace(EXPECTED, reason="EOS"),
        replace(EXPECTED, text="abc"),
        Text((7, 8), "MAX_TOKENS", "ab"),
        Text((7, 8, 9, 10, 11), "MAX_TOKENS", "abcde"),
        replace(EXPECTED, logprobs=(-1.0, -1.0, -1.0, -1.0)),
    ):
        expected = replace(EXPECTED, logprobs=(-1.0, -1.0, -1.0, -1.1))
        assert judged(ASKED, expected, ALONE, Answer((text,)), near).kind == "different"


def test_caller_who_left_must_have_seen_the_beginning_of_the_same_text() -> None:
    leaving = replace(ASKED, leave_after=2)
    assert kind(Text((7, 8), ""), asked=leaving) == "equal"
    assert kind(Text((7, 6), ""), asked=leaving) == "different"


def test_one_wrong_sample_of_many_is_enough() -> None:
    asked = replace(ASKED, num_return=2)
    wrong = Answer((EXPECTED, replace(EXPECTED, reason="EOS")))
    assert judged(asked, EXPECTED, ALONE, wrong, near).kind == "different"
    assert judged(asked, EXPECTED, ALONE, Answer((EXPECTED,)), near).kind == "different"
    assert judged(asked, EXPECTED, ALONE, Answer((), "INTERNAL"), near).kind == "failed"


def test_generated_requests_are_the_same_for_the_same_seed_and_within_their_bounds() -> None:
    bounds = Bounds(VOCABULARY_SIZE, prompt_tokens=24, new_tokens=12)
    drawn = list(islice(requests(Random(3), bounds), 400))
    assert drawn == list(islice(requests(Random(3), bounds), 400))
    assert all(1 <= len(each.choice.prompt) <= 24 and 1 <= each.max_new_tokens <= 48 for each in drawn)
    assert all(each.choice.min_new_tokens <= each.max_new_tokens for each in drawn)
    assert {each.ending for each in drawn} == {"", "string", "token"}
    assert any(each.leave_after for each in drawn) and any(each.reproducible for each in drawn)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"min_new_tokens": 6},
        {"repetition_penalty": 1.5},
        {"no_repeat_ngram_size": 1},
        {"no_repeat_ngram_size": 3},
        {"suppress": ("the", "e", " time")},
    ],
)
def test_logits_are_changed_as_ctranslate2_changes_them(
    reference: Reference, options: dict[str, object]
) -> None:
    for prompt in (PROMPT, (60, 61), (100, 90, 80, 70)):
        asked = Asked(Choice(prompt, **options), max_new_tokens=16)  # type: ignore[arg-type]
        (alone,) = reference.answers([asked]).values()
        for position, token in enumerate(alone.token_ids):
            assert reference.gap(asked, alone, position, token, token) < 1e-4


def test_ends_cut_the_text_that_was_worked_out_alone(reference: Reference) -> None:
    asked = Asked(Choice(PROMPT), max_new_tokens=12, ending_share=0.5)
    (alone,) = reference.answers([asked]).values()
    whole = reference.expected(asked, alone)
    assert (whole.token_ids, whole.reason) == (alone.token_ids, "MAX_TOKENS")
    token = reference.expected(reference.ending_in(replace(asked, ending="token"), alone), alone)
    assert token.reason == "STOP_TOKEN" and token.token_ids == whole.token_ids[: len(token.token_ids)]
    stopped = reference.ending_in(replace(asked, ending="string"), alone)
    (stop,) = stopped.stop_sequences
    text = whole.text[: whole.text.index(stop)]
    assert reference.expected(stopped, alone).text == text
    assert reference.expected(replace(stopped, include_stop=True), alone).text == text + stop
    ended = reference.expected(asked, Alone(alone.token_ids[:3], alone.logprobs[:3], ended=True))
    assert (ended.reason, len(ended.token_ids)) == ("EOS", 3)
