"""One candidate's interview: the plan, its prompts, and the judging of what the model wrote.

Everything in it is data, so that it crosses processes and lives no longer than its request.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from .bank import bank_text
from .checks import Candidate, refusal, score
from .document import Document
from .error import DocumentError
from .features import read
from .ground import Ground, ground_from_reading
from .parse import continuation, question_from_text
from .plan import Plan, PlanItem, plan_questions
from .prompt import Prompt, Style, prompts_for
from .question import Question, Relation, Slot, Source

MAX_COUNT = 32
MAX_CORE_CHARACTERS = 500


@dataclass(frozen=True)
class Interview:
    """``given``: the caller's core questions, finished. ``open_items``: ids still to be written."""

    plan: Plan
    given: tuple[Question, ...]
    open_items: tuple[str, ...]
    prompts: Mapping[str, Prompt]
    ground: Ground

    def item(self, item_id: str) -> PlanItem:
        return next(item for item in self.plan.items if item.id == item_id)

    def prompt(self, item_id: str) -> Prompt:
        return self.prompts[item_id]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The best text that passed, as a question, or None; and how many texts each check refused first."""

    question: Question | None
    refused: Mapping[str, int]


def open_interview(
    job: Document,
    resume: Document,
    *,
    count: int,
    core: Sequence[Question] = (),
    style: Style,
    today: date | None = None,
) -> Interview:
    """Read, redact, extract, plan, and render the prompts.

    Raises DocumentError when a given core question cannot be used or the documents hold nothing to ask about.
    """
    if not 1 <= count <= MAX_COUNT:
        raise DocumentError(f"count is {count}; it must be 1 to {MAX_COUNT}")
    given = _finished(core, count)
    reading = read(job, resume, today or date.today())
    if not reading.asked and not reading.features.duties:
        raise DocumentError("the job description names no skill and no duty to ask about", "job")
    plan = plan_questions(reading, count, given)
    ids = {question.id for question in given}
    open_items = [item for item in plan.items if item.id not in ids]
    return Interview(
        plan=plan,
        given=given,
        open_items=tuple(item.id for item in open_items),
        prompts=prompts_for(open_items, reading.features, style),
        ground=ground_from_reading(reading),
    )


def _finished(core: Sequence[Question], count: int) -> tuple[Question, ...]:
    """The caller's core questions word for word; only an id that is missing is filled in."""
    if len(core) > count:
        raise DocumentError(f"core_questions has {len(core)} questions; count allows {count}")
    taken = {question.id for question in core}
    finished = []
    for number, question in enumerate(core):
        if not question.text.strip():
            raise DocumentError(f"core_questions[{number}].text is empty")
        if len(question.text) > MAX_CORE_CHARACTERS:
            raise DocumentError(
                f"core_questions[{number}].text has more than {MAX_CORE_CHARACTERS} characters"
            )
        id_ = question.id
        while not id_:
            free = next(n for n in range(1, MAX_COUNT * 2 + 2) if f"core-{n}" not in taken)
            id_ = f"core-{free}"
            taken.add(id_)
        finished.append(
            replace(question, id=id_, slot=Slot.CORE, relation=Relation.JOB, resume_evidence=None, attempts=0)
        )
    if len({question.id for question in finished}) < len(finished):
        raise DocumentError("core_questions has two questions with the same id")
    return tuple(finished)


def judge(interview: Interview, item_id: str, texts: Sequence[str], taken: Sequence[str]) -> Judgement:
    """Check what the model wrote after the item's opening, and choose the best of what passes.

    ``texts``: each from the opening's end to the model's end. ``taken``: the questions finished so far.
    """
    item, opening = interview.item(item_id), interview.prompt(item_id).opening
    openings = [prompt.opening for prompt in interview.prompts.values()]
    bare = [_without_opening(text, openings) for text in taken]
    refused: Counter[str] = Counter()
    passed: list[Candidate] = []
    for text in texts:
        asked = question_from_text(opening, text)
        if asked is None:
            refused["form"] += 1
            continue
        candidate = Candidate(asked, opening, item, interview.ground, bare)
        if reason := refusal(candidate):
            refused[reason] += 1
        else:
            passed.append(candidate)
    if not passed:
        return Judgement(None, dict(refused))
    best = max(passed, key=score)
    return Judgement(_question(item, best.text, Source.MODEL, len(texts)), dict(refused))


def _without_opening(text: str, openings: Sequence[str]) -> str:
    """Questions share openings, so only the rest tells whether two are the same."""
    return next((continuation(opening, text) for opening in openings if text.startswith(opening)), text)


def bank_question(interview: Interview, item_id: str, taken: Sequence[str]) -> Question:
    """The item's question from the written bank. There always is one."""
    item = interview.item(item_id)
    return _question(item, bank_text(item, taken), Source.BANK, 0)


def _question(item: PlanItem, text: str, source: Source, attempts: int) -> Question:
    return Question(
        id=item.id,
        text=text,
        slot=item.slot,
        type=item.type,
        competency=item.competency,
        relation=item.relation,
        source=source,
        job_evidence=item.job_evidence,
        resume_evidence=item.resume_evidence,
        attempts=attempts,
    )
