"""What a prompt shows of the documents."""

from datetime import date

import pytest
from askwell_interview import document_from_text, open_interview

JOB = """Field Sales Manager

Duties
- {duty}
- Keep a clean pipeline in Salesforce
"""
RESUME = """Sam

Experience
Account Manager, Oven Works, 2018 - 2024
- {deed}
- Trained four new colleagues

Skills
Salesforce
"""


def shown(duty: str = "Plan territories", deed: str = "Won 61 new accounts") -> str:
    job, resume = document_from_text(JOB.format(duty=duty)), document_from_text(RESUME.format(deed=deed))
    interview = open_interview(job, resume, count=4, style="chat", today=date(2026, 1, 1))
    probe = next(item for item in interview.open_items if item.startswith("probe"))
    return interview.prompt(probe).messages[-1].content


@pytest.mark.parametrize(
    ("duty", "phrase"),
    [
        ("Lead, coach and recruit a team", "; keep a clean"),
        ("Lead, coach and recruit a team", "lead, coach and recruit a team;"),
        # Cut before a word that begins a phrase, not behind the twelfth word.
        (
            "Plan the visits of eight representatives in Kent and the whole of Sussex for next year",
            "plan the visits of eight representatives in Kent and the whole;",
        ),
        ("Own the regional target, which the board sets", "own the regional target;"),
    ],
)
def test_a_duty_is_shown_up_to_where_a_clause_or_a_phrase_ends(duty: str, phrase: str) -> None:
    assert phrase in shown(duty=duty)


def test_a_number_is_shown_whole() -> None:
    assert "grew the territory from £780,000 to £1.6 million;" in shown(
        deed="Grew the territory from £780,000 to £1.6 million"
    )


def test_up_to_eight_duties_are_shown() -> None:
    duty = "\n- ".join(
        f"Visit the customers in {town}"
        for town in ("Bath", "Leeds", "York", "Hull", "Dover", "Luton", "Poole")
    )
    text = shown(duty=duty)
    assert "visit the customers in Bath" in text and "keep a clean pipeline in Salesforce" in text
