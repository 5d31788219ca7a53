"""What may be asked about, and on which documents' word."""

from collections.abc import Sequence
from datetime import date

import numpy as np
from askwell_interview import FloatRows, Relation, Slot, document_from_text
from askwell_interview.features import Reading, read
from askwell_interview.topic import Topic, core_topics, item_from, topics, types_for


def reading_of(job: str, resume: str) -> Reading:
    return read(document_from_text(job), document_from_text(resume), date(2026, 1, 1))


def by_name(found: list[Topic]) -> dict[str, Topic]:
    return {topic.entry.name: topic for topic in found}


class Alike:
    """Finds that all texts mean the same, or nothing in common."""

    def __init__(self, alike: bool) -> None:
        self._alike = alike

    def encode(self, texts: Sequence[str]) -> FloatRows:
        width = len(texts)
        return np.eye(width, dtype=np.float32)[[0] * width if self._alike else range(width)]


def test_gap_that_a_skill_of_the_same_kind_comes_close_to_is_transferable() -> None:
    reading = reading_of(
        "Auditor\n\nRequirements\n- External audit.\n- Payroll processing.",
        "Experience\n- Led internal audit for a bank.",
    )
    found = by_name(topics(reading))
    bridged = found["external audit"]
    assert (bridged.relation, bridged.other) == (Relation.TRANSFERABLE, "internal audit")
    assert bridged.resume is not None and "internal audit" in bridged.resume.quote
    assert found["payroll processing"].relation is Relation.GAP
    item = item_from(bridged, "probe-1", Slot.PROBE, types_for(bridged)[0])
    assert item.other == "internal audit" and "internal audit, which is close" in item.reason


def test_encoder_decides_what_is_close_and_a_skill_bridges_one_gap() -> None:
    reading = reading_of(
        "Engineer\n\nRequirements\n- Kotlin.\n- Java.\n- Auditing of accounts.",
        "Experience\n- Built services in C++.",
    )
    near = [t for t in topics(reading, Alike(True)) if t.relation is Relation.TRANSFERABLE]
    assert [(t.entry.name, t.other) for t in near] == [("Kotlin", "C++")]
    assert not any(t.other for t in topics(reading, Alike(False)))


def test_what_the_resume_lists_in_words_of_its_own_is_found_in_the_job() -> None:
    reading = reading_of(
        "Nurse\n\nWhat you will do\n- Run the falls prevention class.\n\nRequirements\n- Wound care.",
        "Experience\n- Ran a ward.\n\nSkills\nFalls prevention, choir",
    )
    found = by_name(topics(reading))
    echo = found["falls prevention"]
    assert echo.relation is Relation.UNVERIFIED_CLAIM and echo.job and echo.resume
    assert "choir" not in found
    assert "falls prevention" not in by_name(core_topics(reading))


def test_duty_that_the_candidate_did_before_is_a_match_and_a_deed_a_topic_of_its_own() -> None:
    reading = reading_of(
        "Buyer\n\nWhat you will do\n- Write a joint business plan per customer.\n- Settle claims.",
        "Experience\n- Wrote the joint business plan with a chain.\n- Reduced open claims from 47 to 9.",
    )
    found = by_name(topics(reading))
    duty = found["writing a joint business plan per customer"]
    assert duty.relation is Relation.MATCH and duty.resume is not None and "Wrote" in duty.resume.quote
    assert found["settling claims"].relation is Relation.JOB
    deed = found["reducing open claims"]
    assert (deed.relation, deed.job) == (Relation.UNVERIFIED_CLAIM, None) and deed.resume is not None
    assert deed.resume.quote.endswith("from 47 to 9.")
