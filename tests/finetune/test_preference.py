"""Reviews as pairs and as examples: what is set against what, and what is left out and counted."""

import json
from pathlib import Path

import pytest
from askwell_finetune.command import main
from askwell_finetune.example import read_examples
from askwell_finetune.preference import Pair, Preferences
from askwell_finetune.review import reviews_from_file
from askwell_interview import Guard
from reviewed import many, review, write_reviews

OPENING = "Tell me about a time you used planning to"
GOOD = f"{OPENING} keep a promise to a customer?"
BETTER = f"{OPENING} keep two ovens busy all night?"
BAD = f"{OPENING} do things?"


def paired(path: Path, *reviews: dict) -> tuple[list[Pair], dict[str, int]]:
    preferences = Preferences(Guard(None))
    pairs = preferences.pairs(reviews_from_file(write_reviews(path, list(reviews))))
    return pairs, {reason: count for reason, count in preferences.dropped.items() if count}


def test_what_a_reviewer_wrote_is_preferred_to_what_stood_there(tmp_path: Path) -> None:
    (pair,), dropped = paired(tmp_path / "r.jsonl", review("edited", BAD, GOOD))
    assert (pair.chosen.question, pair.rejected.question) == (GOOD, BAD)
    assert pair.chosen.opening == pair.rejected.opening == OPENING
    assert not dropped


def test_a_rejected_question_stands_against_the_best_rated_of_the_same_candidate(tmp_path: Path) -> None:
    other = review("accepted", f"{OPENING} win a customer back?", ratings={"relevance": 5})
    other["features"] = {"job_title": "Nurse"}
    (pair,), dropped = paired(
        tmp_path / "r.jsonl",
        review("accepted", GOOD, ratings={"relevance": 2, "clarity": 4}),
        review("accepted", BETTER, ratings={"relevance": 5}),
        review("rejected", BAD, ratings={"relevance": 1}),
        other,
    )
    assert (pair.chosen.question, pair.rejected.question) == (BETTER, BAD)
    assert dropped == {"accepted, and no rejected one beside it": 2}


def test_an_edit_of_the_opening_leaves_what_both_begin_with(tmp_path: Path) -> None:
    (pair,), _ = paired(tmp_path / "r.jsonl", review("edited", BAD, "Tell me how you plan a night's work?"))
    assert pair.chosen.opening == pair.rejected.opening == "Tell me"
    assert pair.chosen.completion == " how you plan a night's work?"


def test_nothing_personal_unlawful_or_empty_of_meaning_becomes_a_pair(tmp_path: Path) -> None:
    pairs, dropped = paired(
        tmp_path / "r.jsonl",
        review("edited", BAD, f"{OPENING} call +44 20 7946 0958 back?"),
        review("edited", BAD, f"{OPENING} plan your pregnancy and children?"),
        review("edited", BAD, BAD.upper()),
        review("edited", BAD, GOOD),
        review("edited", BAD, GOOD.replace("a customer", "one customer")),
    )
    assert [pair.chosen.question for pair in pairs] == [GOOD]
    unlawful = sum(count for reason, count in dropped.items() if reason.startswith("unlawful"))
    assert (dropped["personal data"], unlawful) == (1, 1)
    assert dropped["both say the same"] == dropped["alike another"] == 1


def test_data_takes_what_reviewers_let_pass_as_they_left_it(tmp_path: Path) -> None:
    reviews = [
        *many(),
        review("rejected", BAD),
        review("edited", BAD, "Tell me how planning keeps you calm?"),
    ]
    path, out = write_reviews(tmp_path / "reviews.jsonl", reviews), tmp_path / "set"
    assert main(["data", "--reviews", str(path), "--licence", "ours", "--out", str(out)]) == 0
    card = json.loads((out / "card.json").read_text())
    assert card["sources"] == {"review": card["examples"]}
    assert card["dropped"]["rejected by a reviewer"] == 1
    examples = [
        each for split in ("train", "validation", "test") for each in read_examples(out / f"{split}.jsonl")
    ]
    assert not any("get on?" in each.question for each in examples)
    assert "Tell me how planning" in {each.opening for each in examples}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"decision": "liked"}, "decision is 'liked'; it must be one of accepted, edited, rejected"),
        ({"ratings": {"relevance": 9}}, "the rating 'relevance' is 9; it must be a number from 1 to 5"),
        ({"after": None}, "after is empty in a question that was edited"),
    ],
)
def test_a_broken_review_is_told_by_its_line(change: dict, told: str, tmp_path: Path) -> None:
    path = write_reviews(
        tmp_path / "r.jsonl", [review("accepted", GOOD), review("edited", BAD, GOOD) | change]
    )
    with pytest.raises(ValueError, match="line 2: ") as raised:
        list(reviews_from_file(path))
    assert told in str(raised.value)
