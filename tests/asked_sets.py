"""Made-up sets of questions, and what a run of the quality bench that asked them found."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from askwell_bench.quality.asking import Asked
from askwell_bench.quality.likeness import WordLibrary
from askwell_bench.quality.outcome import Judges, Outcome
from askwell_bench.quality.pair import Pair
from askwell_client import Question, QuestionSet, Slot

JOB = "Ward nurse.\nRequirements:\n- wound care\n- night shifts at Rosewood Hospital"
RESUME = "Cared for 31 patients a night.\nSkills: wound care, triage, Excel"

COOK = "Cooked for a ward of 40 diabetics, with labels in Braille."
MIDWIFE = "Delivered 212 babies at home and sang to most of them."


def question(text: str, slot: Slot = Slot.PROBE, **fields: Any) -> Question:
    told = {"id": text[:8], "text": text, "slot": slot, "relation": "GAP", "source": "MODEL", **fields}
    return Question.from_dict(told)


def asked_set(questions: Sequence[Question], resume: str = RESUME, plan_s: float = 0.02) -> QuestionSet:
    items = [{"id": q.id, "slot": q.slot, "competency": q.text} for q in questions]
    whole = QuestionSet.from_dict({"plan": {"items": items}, "job_text": JOB, "resume_text": resume})
    summary = replace(whole.summary, plan_s=plan_s, write_s=4.0, first_question_s=1.0)
    return replace(whole, questions=tuple(questions), summary=summary)


CORE = question("How do you set priorities on a busy ward?", Slot.CORE, relation="JOB")
OWN = question("Your résumé mentions triage. How did you learn it at work?")
OTHER = question("Your résumé mentions welding. Which joints do you trust least?")


def asked(name: str = "nurse", **sets: QuestionSet) -> Asked:
    own = asked_set([CORE, OWN])
    told: dict[str, Any] = {"own": own, "again": own, "other": asked_set([CORE, OTHER]), "twin": own, **sets}
    return Asked(
        name=name, other_name="welder", founding=("Why?",), bank=("How so?",), extract_s=0.03, **told
    )


PAIRS = [
    Pair("nurse", JOB, RESUME, RESUME.replace("Excel", "Word")),
    Pair("welder", "Welder for boilers.", "Welding of boiler joints in Hull for years.", "Welding."),
]


def outcome(*jobs: Asked) -> Outcome:
    judges = Judges(PAIRS, WordLibrary([p.resume for p in PAIRS]), None, lambda _: None, [])
    return Outcome(judges, list(jobs))


def with_rivals(cook: Question, midwife: Question) -> Outcome:
    """One job with two rivals, each asked the core and one probe."""
    sets = (asked_set([CORE, cook], COOK), asked_set([CORE, midwife], MIDWIFE))
    found = outcome(replace(asked(), rivals=sets))
    pairs = [replace(PAIRS[0], rivals=(COOK, MIDWIFE)), PAIRS[1]]
    return replace(found, judges=replace(found.judges, pairs=pairs))
