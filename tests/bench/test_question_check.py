"""What one question must be: borne out by the documents, in form, free of invented names."""

from typing import Any

import pytest
from askwell_bench.quality.check import evidence_flaws, form_flaw, known_from_texts
from askwell_client import (
    Question,
    Relation,
    Slot,
)

JOB = "Ward nurse.\nRequirements:\n- wound care\n- night shifts at Rosewood Hospital"
RESUME = "Cared for 31 patients a night.\nSkills: wound care, triage, Excel"


def question(text: str, slot: Slot = Slot.PROBE, **fields: Any) -> Question:
    told = {"id": text[:8], "text": text, "slot": slot, "relation": "GAP", "source": "MODEL", **fields}
    return Question.from_dict(told)


def test_evidence_is_exact_to_the_letter_and_a_claim_has_some() -> None:
    start = JOB.index("wound care")
    good = {"quote": "wound care", "start": start, "end": start + 10}
    assert evidence_flaws(question("?", job_evidence=good), JOB, RESUME) == []
    late = {**good, "start": start + 1, "end": start + 11}
    assert evidence_flaws(question("?", job_evidence=late), JOB, RESUME)
    assert evidence_flaws(question("?"), JOB, RESUME) == ["no evidence"]
    claim = question("?", job_evidence=good, relation="MATCH")
    assert claim.relation is Relation.MATCH
    assert evidence_flaws(claim, JOB, RESUME) == ["MATCH without a quote of the résumé"]


@pytest.mark.parametrize(
    "text",
    [
        "Why you?",
        "1. How do you dress a deep wound on a busy ward?",
        "Question: how do you dress a deep wound at night?",
        "How do you dress a wound? And who taught you that?",
        "You dress a wound very well on any busy ward.",
        "How do you dress a wound on a busy ward at night",
        "你如何在繁忙的病房里处理伤口 and why do you do so?",
        " ".join(["word"] * 46) + "?",
    ],
)
def test_what_is_no_single_plain_ask_is_out_of_form(text: str) -> None:
    assert form_flaw(text) is not None


def test_questions_and_requests_are_in_form() -> None:
    assert form_flaw("How do you dress a deep wound on a busy ward?") is None
    assert form_flaw("This role needs triage. Tell me how you would learn it.") is None


def test_names_tools_and_numbers_must_stand_in_a_document() -> None:
    known = known_from_texts(JOB, RESUME)
    assert known.invented("Tell me about Rosewood Hospital, Excel and the 31 patients.") == []
    assert known.invented("How did you use Kubernetes there?") == ["Kubernetes"]
    assert known.invented("What did Northgate teach you in 14 weeks?") == ["Northgate", "14"]
