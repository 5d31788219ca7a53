"""What each mode plans, within which minutes, and in which order."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from askwell_interview import (
    Document,
    DocumentError,
    Interview,
    Mode,
    Question,
    QuestionType,
    Relation,
    Rubric,
    Slot,
    Source,
    bank_question,
    document_from_text,
    open_interview,
)
from askwell_interview import plan as p
from askwell_interview import selection as s
from askwell_interview.closeness import Closeness
from askwell_interview.features import read
from askwell_interview.plan import Ask, plan_questions
from askwell_interview.skill import gazetteer

TODAY = date(2026, 1, 1)
DATA = Path(__file__).parents[2] / "benchmarks/data"
NAMES = sorted(path.name for path in (DATA / "jobs").glob("*.md"))
NURSE = document_from_text((DATA / "jobs/paediatric-nurse.md").read_text(encoding="utf-8"))


def opened(job: Document, resume: Document | None, mode: Mode, count: int = 8, **asked: object) -> Interview:
    return open_interview(
        job,
        resume,
        count=count,
        mode=mode,
        style="chat",
        today=TODAY,
        **asked,  # type: ignore[arg-type]
    )


def difficulties(interview: Interview, slot: Slot | None = None) -> list[int]:
    return [item.difficulty for item in interview.plan.items if slot in (None, item.slot)]


@pytest.mark.parametrize("name", NAMES[::3])
def test_real_documents_fill_the_plan_with_topics_that_are_not_the_same(name: str) -> None:
    job, resume = (document_from_text((DATA / d / name).read_text()) for d in ("jobs", "resumes"))
    reading = read(job, resume, TODAY)
    items = plan_questions(reading, Ask(8)).items
    assert len(items) == 8
    close = Closeness((), None)
    names = [item.competency for item in items]
    assert not any(close.same(a, b) for i, a in enumerate(names) for b in names[:i])
    own = sum(item.relation in (Relation.MATCH, Relation.UNVERIFIED_CLAIM) for item in items)
    missing = sum(item.relation in (Relation.GAP, Relation.PARTIAL) for item in items)
    assert own >= missing
    assert {QuestionType.BEHAVIOURAL, QuestionType.SITUATIONAL, QuestionType.TECHNICAL} <= {
        item.type for item in items
    }


def test_one_question_asks_for_motivation_from_five_probes_on(job: Document) -> None:
    resume = document_from_text(
        "Experience\n- Built pipelines in Python.\n- Ran Docker.\n- Wrote Terraform modules.\n- Used Kafka."
    )
    asked = [Question("a", "Why?")]
    for count, motivated in ((5, 0), (6, 1), (8, 1)):
        items = opened(job, resume, Mode.STRUCTURED, count, core=asked).plan.items[1:]
        drawn = [item for item in items if item.type is QuestionType.MOTIVATION]
        assert (len(items), len(drawn)) == (count - 1, motivated)
        assert all(item.relation is Relation.MATCH for item in drawn)


def test_structured_asks_the_core_first_and_each_part_from_easy_to_hard(
    job: Document, resume: Document
) -> None:
    interview = opened(job, resume, Mode.STRUCTURED)
    slots = [item.slot for item in interview.plan.items]
    assert slots == [Slot.CORE] * 3 + [Slot.PROBE] * 5
    for slot in Slot:
        assert difficulties(interview, slot) == sorted(difficulties(interview, slot))


@pytest.mark.parametrize(("mode", "core"), [(Mode.MIXED, 4), (Mode.MOCK, 3)])
def test_other_modes_ask_all_in_one_order_the_hardest_last(
    job: Document, resume: Document, mode: Mode, core: int
) -> None:
    interview = opened(job, resume, mode)
    assert sum(item.slot is Slot.CORE for item in interview.plan.items) == core
    assert difficulties(interview) == sorted(difficulties(interview))
    assert difficulties(interview)[-1] > difficulties(interview)[0]


def test_bank_is_from_the_job_alone_and_half_of_it_the_professions_own() -> None:
    with pytest.raises(DocumentError, match="only the mode BANK does without"):
        opened(NURSE, None, Mode.STRUCTURED)
    assert len(opened(NURSE, None, Mode.BANK, 4).written) == 2
    interview = opened(NURSE, None, Mode.BANK, 16)
    assert interview == opened(NURSE, document_from_text("Skills\nPython"), Mode.BANK, 16)
    items = interview.plan.items
    assert {item.slot for item in items} == {Slot.CORE} and len(items) == 16
    assert 6 <= len(interview.written) <= 9
    assert len({item.competency for item in items}) == 16
    for question in interview.written:
        assert question.source is Source.BANK and question.rubric.anchors and "{" not in question.text
    assert {question.id for question in interview.written} == {item.id for item in items if item.text}
    assert not {item.id for item in items if item.text} & set(interview.open_items)


def test_bank_goes_on_from_the_core_that_the_caller_gave() -> None:
    first = opened(NURSE, None, Mode.BANK, 4)
    core = [
        *first.written,
        Question("core-2", "How do you prevent infections?", competency="infection control"),
    ]
    more = opened(NURSE, None, Mode.BANK, 8, core=core)
    assert [item.id for item in more.plan.items][: len(core)] == [question.id for question in core]
    assert len(more.plan.items) == 8
    assert [question.text for question in more.given] == [question.text for question in core]
    assert not {question.text for question in more.written} & {question.text for question in core}
    assert sum(item.competency == "infection control" for item in more.plan.items) == 1
    assert len({item.id for item in more.plan.items}) == 8


@pytest.mark.parametrize("mode", [Mode.STRUCTURED, Mode.BANK])
@pytest.mark.parametrize("minutes", [5, 17, 30])
def test_questions_keep_to_the_minutes(job: Document, resume: Document, mode: Mode, minutes: int) -> None:
    interview = opened(job, resume, mode, 12, minutes=minutes)
    assert minutes - 6 < interview.plan.minutes <= minutes
    asked = [bank_question(interview, item, []) for item in interview.open_items]
    assert sum(q.rubric.minutes for q in (*asked, *interview.written)) <= minutes


def test_core_that_the_caller_gave_counts_towards_the_minutes(job: Document, resume: Document) -> None:
    core = [Question("a", "Why?", rubric=Rubric(minutes=9)), Question("b", "How?")]
    assert opened(job, resume, Mode.STRUCTURED, 3, core=core, minutes=20).plan.minutes <= 20
    with pytest.raises(DocumentError, match="take 14 minutes; the budget is 10") as caught:
        opened(job, resume, Mode.STRUCTURED, 3, core=core, minutes=10)
    assert caught.value.which == "minutes"


def test_budget_that_nothing_fits_into_is_to_blame_itself(job: Document, resume: Document) -> None:
    with pytest.raises(DocumentError, match="no question fits into 1 minutes") as caught:
        opened(job, resume, Mode.STRUCTURED, 3, minutes=1)
    assert caught.value.which == "minutes"


def test_senior_job_is_asked_harder_questions() -> None:
    skills = ("Python", "PostgreSQL", "Docker", "Apache Kafka", "Java", "Ansible", "Terraform", "Kotlin")
    resume = document_from_text("Experience\n" + "\n".join(f"- Built services with {s}." for s in skills))

    def mean(years: int) -> float:
        lines = "\n".join(f"- {skill}." for skill in skills)
        text = f"Engineer\n\nRequirements\n- {years} years of experience.\n{lines}"
        asked = difficulties(opened(document_from_text(text), resume, Mode.STRUCTURED, 8))
        return sum(asked) / len(asked)

    assert mean(1) < mean(9)


def test_job_that_names_every_skill_there_is_makes_no_larger_program(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def watched(candidates: Sequence[s.Candidate], wish: s.Wish) -> list[int]:
        sizes.append(len({c.topic for c in candidates}))
        return s.choose(candidates, wish)

    monkeypatch.setattr(p, "choose", watched)
    names = sorted({entry.name for entry in gazetteer().spellings.values()})
    job = document_from_text("Everything\n\nRequirements\n" + "\n".join(f"- {name}." for name in names))
    assert len(opened(job, document_from_text("Skills\nPython"), Mode.STRUCTURED, 32).plan.items) == 32
    assert len(names) > 500 and max(sizes) <= p.MAX_TOPICS


def test_what_is_soft_is_never_worth_a_question() -> None:
    lost = s.TYPE + s.LEAN + 3 * s.LADDER + s.PLACE + 2 * s.FIELD
    worst = (
        p.NICE
        + p.RELATION_VALUES[Relation.JOB]
        + p.LICENCE
        + p.RANK * p.RANKS
        + 4 * p.SECOND_TYPE
        - p.NOVELTY
    )
    assert s.ITEM + worst > lost


@pytest.mark.parametrize("name", NAMES[::4])
def test_more_questions_do_not_mean_fewer_of_the_candidate(name: str) -> None:
    """The core leaves most of what the job names to the probes, whoever applies."""
    job, resume = (document_from_text((DATA / d / name).read_text()) for d in ("jobs", "resumes"))
    probes, cores = [], []
    for count in (8, 16, 32):
        slots = [item.slot for item in plan_questions(read(job, resume, TODAY), Ask(count)).items]
        probes.append(slots.count(Slot.PROBE))
        cores.append(slots.count(Slot.CORE))
    assert probes[0] >= 4 and probes == sorted(probes) and cores == sorted(cores)


@pytest.mark.parametrize("minutes", [5, 10, 12])
def test_a_short_interview_has_a_core_too(minutes: int) -> None:
    resume = document_from_text((DATA / "resumes/paediatric-nurse.md").read_text())
    items = plan_questions(read(NURSE, resume, TODAY), Ask(8, minutes=minutes)).items
    assert items[0].slot is Slot.CORE and sum(item.minutes for item in items) <= minutes
