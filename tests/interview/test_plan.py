"""What is planned, and what the prompts then hold."""

from datetime import date

import pytest
from askwell_interview import (
    Document,
    DocumentError,
    Evidence,
    Interview,
    Question,
    QuestionType,
    Relation,
    Slot,
    Source,
    document_from_text,
    open_interview,
)
from askwell_interview.stem import sentence

TODAY = date(2026, 1, 1)
OTHER = "Experience\n- Drove a forklift for 3 years in Hull.\n\nSkills\nForklift, Excel"


def _core(interview: Interview) -> list[object]:
    items = [item for item in interview.plan.items if item.slot is Slot.CORE]
    return [*items, *(interview.prompt(item.id) for item in items)]


@pytest.mark.parametrize("style", ["chat", "base"])
def test_core_is_the_same_whoever_applies(job: Document, resume: Document, style: str) -> None:
    one = open_interview(job, resume, count=8, style=style, today=TODAY)  # type: ignore[arg-type]
    two = open_interview(job, document_from_text(OTHER), count=8, style=style, today=TODAY)  # type: ignore[arg-type]
    assert _core(one) == _core(two) and len(_core(one)) == 6
    assert one.plan != two.plan


def test_plan_mixes_relations_and_types_and_repeats_no_competency(interview: Interview) -> None:
    items = interview.plan.items
    assert len({item.competency for item in items}) == len(items) == 8
    assert {Relation.JOB, Relation.MATCH, Relation.GAP} <= {item.relation for item in items}
    assert len({item.type for item in items}) >= 3
    assert sum(item.type is QuestionType.MOTIVATION for item in items) <= 1


def test_evidence_follows_the_relation(job: Document, resume: Document, interview: Interview) -> None:
    for item in interview.plan.items:
        if item.job_evidence:
            e = item.job_evidence
            assert job.text[e.start : e.end] == e.quote
        if item.resume_evidence:
            e = item.resume_evidence
            assert resume.text[e.start : e.end] == e.quote
        assert (item.resume_evidence is None) == (item.relation in (Relation.JOB, Relation.GAP))
        assert item.reason.endswith(".")


def test_given_core_comes_back_word_for_word_and_its_competency_is_not_probed(
    job: Document, resume: Document
) -> None:
    core = Question("x", "  How do YOU use Python?  ", competency="python", source=Source.MODEL)
    interview = open_interview(job, resume, count=6, core=[core], style="chat", today=TODAY)
    (given,) = interview.given
    assert (given.text, given.id, given.source, given.slot) == (core.text, "x", Source.MODEL, Slot.CORE)
    assert [item.slot for item in interview.plan.items] == [Slot.CORE] + [Slot.PROBE] * 5
    assert "x" not in interview.open_items
    assert "Python" not in [item.competency for item in interview.plan.items]


@pytest.mark.parametrize(
    ("core", "which", "says"),
    [
        ([Question("", "Why?"), Question("", " ")], "core_questions[1].text", "must not be empty"),
        ([Question("", "x" * 501)], "core_questions[0].text", "more than 500"),
        ([Question("a", "One?"), Question("a", "Two?")], "core_questions", "same id"),
        ([Question("", "One?"), Question("", "Two?")], "core_questions", "count allows 1"),
    ],
)
def test_unusable_core_question_is_refused(
    job: Document, resume: Document, core: list[Question], which: str, says: str
) -> None:
    with pytest.raises(DocumentError, match=says) as caught:
        open_interview(job, resume, count=1 if "allows" in says else 4, core=core, style="chat")
    assert caught.value.which == which


def test_evidence_of_a_given_core_is_found_again_in_the_job_or_dropped(
    job: Document, resume: Document
) -> None:
    quote = "We run the parts depots"
    start = job.text.index(quote)
    given = [Evidence(quote, start, start + len(quote)), Evidence(quote, 4_000_000_000, 0)]
    given += [Evidence("not in the job", start, start + 14), Evidence("", 0, 0), Evidence(job.text, 0, 9)]
    core = [Question("", f"Why {number}?", job_evidence=each) for number, each in enumerate(given)]
    interview = open_interview(job, resume, count=6, core=core, style="chat", today=TODAY)
    found = [given[0], given[0], None, None, None]
    assert [question.job_evidence for question in interview.given] == found
    assert [item.job_evidence for item in interview.plan.items[:5]] == found


def test_evidence_of_a_given_core_gives_nobody_away(resume: Document) -> None:
    text = "Data engineer\n\nAsk marisol.quintanilla@example.org.\n\n- Python.\n- Docker."
    start = text.index("marisol.q")
    mail = Evidence(text[start : start + 31], start, start + 31)
    core = [Question("", "Why?", job_evidence=mail)]
    interview = open_interview(document_from_text(text), resume, count=4, core=core, style="chat")
    assert interview.given[0].job_evidence is None


def test_little_material_makes_a_smaller_plan_and_none_an_error(resume: Document) -> None:
    small = open_interview(
        document_from_text("Baker\n\nRequirements\n- Bread baking"),
        document_from_text("Skills\nCycling"),
        count=8,
        style="chat",
    )
    assert 1 <= len(small.plan.items) < 8
    with pytest.raises(DocumentError) as caught:
        open_interview(document_from_text("Hello there"), resume, count=8, style="chat")
    assert caught.value.which == "job"


def test_probe_prompts_share_all_but_a_short_tail(interview: Interview) -> None:
    prompts = [interview.prompt(i) for i in interview.open_items if i.startswith("probe")]
    heads = {prompt.messages[-1].content.rsplit(" about ", 1)[0] for prompt in prompts}
    assert len(heads) == 1
    for prompt in prompts:
        assert len(" ".join(m.content for m in prompt.messages).split()) < 150
        assert len(prompt.opening.split()) <= 22


def test_base_prompt_ends_with_its_opening(job: Document, resume: Document) -> None:
    interview = open_interview(job, resume, count=4, style="base", today=TODAY)
    for item_id in interview.open_items:
        prompt = interview.prompt(item_id)
        assert prompt.text.endswith("Question: " + prompt.opening) and not prompt.messages


def test_skill_is_no_gap_when_the_resume_shows_what_the_job_takes_instead() -> None:
    job = document_from_text(
        "Clerk\n\nRequirements\n- Use of SAP or Microsoft Dynamics 365.\n- Excel.\n- IFRS."
    )
    resume = document_from_text("Experience\n- Posted invoices in Microsoft Dynamics 365.")
    items = open_interview(job, resume, count=8, core=[Question("a", "Why?")], style="chat").plan.items
    assert [i.competency for i in items if i.relation is Relation.GAP] == ["Excel", "IFRS"]


@pytest.mark.parametrize(("skill", "says"), [("ERP systems", "use them"), ("SAP", "use it")])
def test_opening_agrees_with_the_number_of_the_competency(skill: str, says: str) -> None:
    template = "If {c} were new to you, how would you learn to use {it} to"
    assert says in sentence(template, skill)


def test_sentence_without_a_full_stop_does_not_grow_the_work_beyond_bounds(resume: Document) -> None:
    job = document_from_text("Python and Docker " * 5_000)
    assert len(open_interview(job, resume, count=2, style="chat").plan.items) == 2
