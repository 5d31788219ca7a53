"""Rubrics, and the professions' banks that bring their own."""

import re
from dataclasses import replace

import pytest
from askwell_interview import Interview, Question, QuestionType, Relation, Slot, bank_question, judge
from askwell_interview.bank import SLOT, BankEntry, bank_question_for, profession_bank
from askwell_interview.item import PlanItem
from askwell_interview.profession import Profession, profession_of, professions
from askwell_interview.prompt import prompt_version
from askwell_interview.rubric import Rubric, rubric_for

PLANNED = [
    (type_, relation)
    for type_ in QuestionType
    for relation in Relation
    if type_ is not QuestionType.TYPE_UNSPECIFIED and relation is not Relation.RELATION_UNSPECIFIED
]
PROFESSIONS = [profession.name for profession in professions()]


def texts_of(rubric: Rubric) -> list[str]:
    anchors, follow_ups = rubric.anchors, rubric.follow_ups
    return [*(a.text for a in anchors), *rubric.covers, *rubric.red_flags, *(f.text for f in follow_ups)]


def assert_whole(rubric: Rubric) -> None:
    assert [anchor.rating for anchor in rubric.anchors] == [1, 3, 5]
    assert 1 <= rubric.difficulty <= 5 and 1 <= rubric.minutes <= 10
    assert len(rubric.covers) >= 2 and len(rubric.red_flags) >= 2 and len(rubric.follow_ups) >= 2
    assert len({follow_up.trigger for follow_up in rubric.follow_ups}) == len(rubric.follow_ups)
    assert all(follow_up.text.endswith("?") for follow_up in rubric.follow_ups)
    assert all("{" not in text.replace(SLOT, "") for text in texts_of(rubric))


def test_every_question_that_can_be_planned_has_a_rubric() -> None:
    for type_, relation in PLANNED:
        rubric = rubric_for(type_, relation, "stock control")
        assert_whole(rubric)
        assert SLOT not in "".join(texts_of(rubric)) and "stock control" in "".join(texts_of(rubric))
        assert all(text[0].isupper() for text in (anchor.text for anchor in rubric.anchors))


def test_every_profession_has_a_bank_with_rubrics() -> None:
    entries = [entry for name in PROFESSIONS for entry in profession_bank(name)]
    assert len(PROFESSIONS) == 12 and len(entries) >= 300
    assert len({entry.text for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.rubric is not None
        assert_whole(entry.rubric)
        assert "{" not in entry.text.replace(SLOT, "") and 6 <= len(entry.text.split()) <= 45


@pytest.mark.parametrize(
    ("title", "fields", "name"),
    [
        ("Senior Machine Learning Engineer", [], "data"),
        ("Embedded Software Engineer", [], "software"),
        ("STAFF NURSE", [], "nursing"),
        ("Technical Recruiter, Software", [], "human_resources"),
        ("Physiotherapist", ["clinical"], ""),
        ("", ["general", "finance", "finance", "data"], "accounting"),
        ("", ["clinical"], ""),
    ],
)
def test_profession_is_told_by_title_or_else_by_fields(title: str, fields: list[str], name: str) -> None:
    assert profession_of(title, fields) == name


def item(type_: QuestionType, relation: Relation, kind: str = "method", field: str = "clinical") -> PlanItem:
    return PlanItem("a", Slot.PROBE, type_, "wound care", relation, "", None, None, kind, field)  # type: ignore[arg-type]


def of_nursing(asked: PlanItem, taken: tuple[str, ...] = ()) -> BankEntry | None:
    """The entry of the nursing bank that the item got, None for one of every job."""
    text = bank_question_for(asked, taken, "nursing").text
    return next((e for e in profession_bank("nursing") if e.text.replace(SLOT, "wound care") == text), None)


def test_profession_comes_first_for_skills_of_its_own_field_only() -> None:
    own = item(QuestionType.TECHNICAL, Relation.MATCH)
    entry = of_nursing(own)
    assert entry is not None and entry.rubric is not None
    assert bank_question_for(own, (), "nursing").rubric.minutes == entry.rubric.minutes
    for other in ("software", "general", ""):
        assert of_nursing(replace(own, field=other)) is None
    assert bank_question_for(own, (), "nursing") == bank_question_for(own, (), "nursing")


@pytest.mark.parametrize("profession", professions(), ids=PROFESSIONS)
def test_profession_says_nothing_of_the_candidate_that_the_documents_do_not(profession: Profession) -> None:
    own = {entry.text.replace(SLOT, "wound care") for entry in profession_bank(profession.name)}
    asked = [
        item(type_, relation, kind, field)
        for type_, relation in PLANNED
        for field in sorted(profession.fields)
        for kind in ("tool", "method", "knowledge", "soft", "licence")
    ]
    told = own & {bank_question_for(each, (), profession.name).text for each in asked}
    assert told
    for text in told:
        assert "wound care" in text and "which is new to you" not in text
    for entry in profession_bank(profession.name):
        if SLOT in entry.text and entry.relations & {Relation.JOB, Relation.GAP}:
            assert not re.search(r"résumé|\bso far\b|\bto date\b", entry.text)


def test_model_has_the_competencys_rubric_and_tells_its_prompt(interview: Interview) -> None:
    text = " load the stock figures of nine depots?"
    written = judge(interview, "core-1", [text], []).question
    assert written is not None and written.rubric == rubric_for(
        written.type, written.relation, written.competency
    )
    assert written.prompt_version == prompt_version() and len(prompt_version()) == 8
    taken = bank_question(interview, "core-1", [])
    assert (taken.prompt_version, taken.model) == ("", "")
    assert taken.rubric != Question("", "").rubric
