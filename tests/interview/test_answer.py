"""What an answer was like is seen from its words."""

from collections import Counter
from pathlib import Path

import pytest
from askwell_interview import QuestionType, Trigger
from askwell_interview.answer import answer_from_text, trigger_of
from askwell_interview.language import is_english

ANSWERS = Path(__file__).resolve().parents[1] / "data" / "answers.tsv"
# What the rules get right at least, of each set; see the head of the file.
FLOORS = {"seen": 1.0, "held": 0.95, "fresh": 0.95}


def _right_of(name: str) -> list[bool]:
    rows = [line.split("\t") for line in ANSWERS.read_text(encoding="utf-8").splitlines()]
    return [
        trigger_of(answer_from_text(text).text, QuestionType[type_]) is Trigger[trigger]
        for set_, trigger, type_, text in (row for row in rows if len(row) == 4)
        if set_ == name
    ]


@pytest.mark.parametrize("name", FLOORS)
def test_answers_are_told_apart(name: str) -> None:
    right = _right_of(name)
    assert len(right) >= 23 and sum(right) >= FLOORS[name] * len(right), Counter(right)


def test_redacted_answer_holds_nobody() -> None:
    answer = answer_from_text(
        "My manager Zbigniew Wrona told me to ring Dr. Hollis Umberland on +44 20 7946 0991 at once, "
        "and I wrote to z.wrona@example.org. My wife was ill and I was born in 1979."
    )
    for secret in ("Zbigniew", "Wrona", "Hollis", "Umberland", "7946", "@", "wife", "1979"):
        assert secret not in answer.text
    assert "told me to ring" in answer.text and {"wrona", "umberland"} <= answer.removed


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("I told the team on Monday, and it was fine.", True),
        ("No.", True),
        ("Ich habe damals mit dem Lieferanten gesprochen und den Preis neu verhandelt.", False),
        ("Le client était mécontent, alors je lui ai proposé une remise pour la suite.", False),
        ("我当时联系了供应商 并且 重新 谈了 价格 和 日期", False),
    ],
)
def test_answers_in_other_languages_are_recognised(text: str, english: bool) -> None:
    assert is_english(text) is english
