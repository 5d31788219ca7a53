"""What the encoder adds: skills in other words, and questions that mean the same or nothing to the point."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from askwell_interview import (
    Document,
    FloatRows,
    Guard,
    QuestionType,
    Relation,
    Slot,
    document_from_text,
    open_interview,
)
from askwell_interview.bank import bank_question_for
from askwell_interview.candidate import Candidate
from askwell_interview.checks import refusal
from askwell_interview.features import extract_features, read
from askwell_interview.topic import item_from, topics

TODAY = date(2026, 1, 1)
JOB = document_from_text("Nurse\n\nRequirements\n- Wound care\n- Triage\n- Cisco networking\n- Teamwork")
RESUME = """Experience
Nurse, Ward, 2019 - 2021
- Changed dressings on leg ulcers for 20 patients a day
- Sang in the choir
"""


class Meanings:
    """Texts that hold a word of the same group point the same way; each other text its own."""

    def __init__(self, *groups: str) -> None:
        self._groups = [group.split() for group in groups]
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str]) -> FloatRows:
        rows = np.zeros((len(texts), 64), np.float32)
        for row, text in zip(rows, texts, strict=True):
            self.texts.append(text)
            group = next((n for n, ws in enumerate(self._groups) if any(w in text.lower() for w in ws)), None)
            row[8 + sum(map(ord, text)) % 56 if group is None else group] = 1.0
        return rows


WOUNDS = Meanings("wound dressings")


def test_skill_in_other_words_is_linked_to_the_line_that_tells_of_it() -> None:
    features = extract_features(JOB, document_from_text(RESUME), TODAY, WOUNDS)
    skills = {skill.name: skill for skill in features.job_skills}
    wounds = skills["wound care"]
    assert wounds.linked and wounds.resume_evidence is not None and wounds.years_shown == 2
    assert wounds.resume_evidence.quote == "Changed dressings on leg ulcers for 20 patients a day"
    assert skills["triage"].resume_evidence is None


def test_linked_skill_is_asked_about_as_a_match_that_says_so() -> None:
    reading = read(JOB, document_from_text(RESUME), TODAY, WOUNDS)
    (topic,) = [topic for topic in topics(reading) if topic.entry.name == "wound care"]
    assert topic.relation is Relation.MATCH
    item = item_from(topic, "probe-1", Slot.PROBE, QuestionType.TECHNICAL)
    assert "in other words" in item.reason
    named = [replace(item, competency=f"skill {number}") for number in range(40)]
    asked = [bank_question_for(each, ()).text for each in named]
    assert not any("résumé" in text for text in asked)
    said = [bank_question_for(replace(each, linked=False), ()).text for each in named]
    assert any("résumé" in text for text in said)


@pytest.mark.parametrize(
    "line",
    ["Never changed dressings on leg ulcers", "Hoped to change dressings one day", "Sang in the choir"],
)
def test_denied_work_links_nothing(line: str) -> None:
    resume = document_from_text(RESUME.replace("Changed dressings on leg ulcers for 20 patients a day", line))
    features = extract_features(JOB, resume, TODAY, WOUNDS)
    assert not any(skill.linked for skill in features.job_skills)


def test_tool_and_soft_skill_that_are_not_named_are_not_there() -> None:
    features = extract_features(JOB, document_from_text(RESUME), TODAY, Meanings("cisco teamwork dressings"))
    assert not any(skill.linked for skill in features.job_skills)


def test_each_text_is_encoded_once_for_a_plan(job: Document, resume: Document) -> None:
    meanings = Meanings("")
    open_interview(job, resume, count=8, style="chat", today=TODAY, encoder=meanings)
    asked = [text for text in meanings.texts if len(text.split()) < 4]
    assert len(asked) == len(set(asked))


QUESTION = "How would you use Terraform to load the stock figures of the depots every night?"


def _candidate(job: Document, resume: Document, encoder: Meanings | None, asked: Sequence[str]) -> Candidate:
    interview = open_interview(job, resume, count=8, style="chat", today=TODAY)
    item = replace(interview.plan.items[-1], competency="Terraform", job_evidence=None, resume_evidence=None)
    guard = Guard(None)
    opening = "How would you use Terraform to"
    return Candidate(QUESTION, opening, item, interview.ground, (), guard, asked, encoder)


def test_question_that_means_what_is_asked_already_is_refused(job: Document, resume: Document) -> None:
    asked = ["How do you stop the clusters from drifting apart?"]
    assert refusal(_candidate(job, resume, Meanings("terraform clusters"), asked)) == "repeated"
    assert refusal(_candidate(job, resume, Meanings("terraform"), asked)) is None
    assert refusal(_candidate(job, resume, None, asked)) is None


def test_question_that_means_something_else_than_its_item_is_refused(job: Document, resume: Document) -> None:
    assert refusal(_candidate(job, resume, Meanings("depots"), ())) == "irrelevant"
