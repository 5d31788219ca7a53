"""One candidate's interview: the plan, its prompts, and the judging of what the model wrote.

Everything in it is data, so that it crosses processes and lives no longer than its request.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from .bank import Written, bank_question_for, standing_question
from .candidate import Candidate
from .checks import refusal, verdict_on
from .document import Document
from .encoder import Encoder, Remembering
from .error import DocumentError
from .evidence import quote_again
from .features import Reading, read
from .ground import Ground, ground_from_reading
from .guard import Guard, Verdict
from .item import Plan, PlanItem
from .language import NOTED, is_english
from .mode import Mode
from .parse import continuation, question_from_text
from .plan import Ask, plan_questions
from .profession import profession_of
from .prompt import Prompt, Style, prompt_version, prompts_for
from .question import Question, Relation, Rubric, Slot, Source
from .rubric import rubric_for
from .score import scores
from .taxonomy import taxonomy_uri

MAX_COUNT = 32
MAX_CORE_CHARACTERS = 500
# Two documents are one when so much of the second, in lines of so many words, stands in the first.
SAME_SHARE, SAME_WORDS = 0.8, 4


@dataclass(frozen=True)
class Interview:
    """``given``: the caller's core questions, finished. ``written``: those of the bank that the plan holds as
    they are. ``open_items``: ids still to be written.
    ``profession``: whose bank is asked first; "" for a job of none that has one. ``jurisdictions``: whose law
    says what must not be asked, that of all for none."""

    plan: Plan
    given: tuple[Question, ...]
    written: tuple[Question, ...]
    open_items: tuple[str, ...]
    prompts: Mapping[str, Prompt]
    ground: Ground
    profession: str
    jurisdictions: frozenset[str]

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
    resume: Document | None,
    *,
    count: int,
    mode: Mode = Mode.STRUCTURED,
    minutes: int | None = None,
    core: Sequence[Question] = (),
    style: Style,
    today: date | None = None,
    encoder: Encoder | None = None,
    jurisdictions: frozenset[str] = frozenset(),
) -> Interview:
    """Read, redact, extract, plan, and render the prompts.

    ``minutes``: the budget of the whole interview. ``resume`` is not read in ``Mode.BANK``, where it may be
    None. Raises DocumentError when a given core question cannot be used, the documents hold nothing to ask
    about, or the budget has no room for a question.
    """
    if mode is Mode.BANK:
        resume = None
    elif resume is None:
        raise DocumentError("the résumé is missing; only the mode BANK does without", "resume")
    if not 1 <= count <= MAX_COUNT:
        raise DocumentError(f"count is {count}; it must be 1 to {MAX_COUNT}", "count")
    given = _finished(core, count)
    encoder = Remembering(encoder) if encoder is not None else None
    reading = read(job, resume, today or date.today(), encoder)
    _refuse_useless(job, resume, reading)
    given = tuple(_grounded(question, reading) for question in given)
    plan = plan_questions(reading, Ask(count, mode, minutes), given, encoder)
    _refuse_budget(plan, minutes)
    ground = ground_from_reading(reading)
    guard = Guard(encoder, jurisdictions)
    given = _lawful(given, ground, guard)
    ids = {question.id for question in given}
    open_items = [item for item in plan.items if item.id not in ids and not item.text]
    profession = profession_of(
        reading.features.job_title, (named.entry.field for named in reading.asked.values())
    )
    return Interview(
        plan=plan,
        given=given,
        written=tuple(_standing(item, profession, ground, guard) for item in plan.items if item.text),
        open_items=tuple(item.id for item in open_items),
        prompts=prompts_for(open_items, reading.features, style),
        ground=ground,
        profession=profession,
        jurisdictions=jurisdictions,
    )


def _refuse_useless(job: Document, resume: Document | None, reading: Reading) -> None:
    """Of what is in another language nothing is understood; a job can stand for nobody's résumé."""
    if not reading.asked and not reading.features.duties:
        if not is_english(job.text, NOTED):
            raise DocumentError("is not in English, the one language that is understood", "job")
        raise DocumentError("the job description names no skill and no duty to ask about", "job")
    if resume is None:
        return
    if not reading.shown and not reading.features.achievements and not is_english(resume.text, NOTED):
        raise DocumentError("is not in English, the one language that is understood", "resume")
    lines = {line for line in resume.text.splitlines() if len(line.split()) >= SAME_WORDS}
    if len(lines) > 1 and len(lines & {*job.text.splitlines()}) >= SAME_SHARE * len(lines):
        raise DocumentError("is the job description once more: give the candidate's résumé", "resume")


def _refuse_budget(plan: Plan, minutes: int | None) -> None:
    if minutes is not None and plan.minutes > minutes:
        told = f"the core questions take {plan.minutes} minutes; the budget is {minutes}"
        raise DocumentError(told, "minutes")
    if len(plan.items) == 0:
        raise DocumentError(f"no question fits into {minutes} minutes; give more", "minutes")


def _standing(item: PlanItem, profession: str, ground: Ground, guard: Guard) -> Question:
    return _of_bank(item, standing_question(item.text, profession), ground, guard)


def _finished(core: Sequence[Question], count: int) -> tuple[Question, ...]:
    """The caller's core questions word for word; only an id that is missing is filled in."""
    if len(core) > count:
        raise DocumentError(f"{len(core)} given; count allows {count}", "core_questions")
    taken = {question.id for question in core}
    finished = []
    for number, question in enumerate(core):
        which = f"core_questions[{number}].text"
        if not question.text.strip():
            raise DocumentError("must not be empty", which)
        if len(question.text) > MAX_CORE_CHARACTERS:
            raise DocumentError(f"has more than {MAX_CORE_CHARACTERS} characters", which)
        id_ = question.id
        while not id_:
            free = next(n for n in range(1, MAX_COUNT * 2 + 2) if f"core-{n}" not in taken)
            id_ = f"core-{free}"
            taken.add(id_)
        finished.append(
            replace(question, id=id_, slot=Slot.CORE, relation=Relation.JOB, resume_evidence=None, attempts=0)
        )
    if len({question.id for question in finished}) < len(finished):
        raise DocumentError("two of them have the same id", "core_questions")
    return tuple(finished)


def _grounded(question: Question, reading: Reading) -> Question:
    """With the evidence that the job as it is now bears out."""
    given = question.job_evidence
    found = quote_again(reading.job.text, given, reading.job.personal) if given else None
    return replace(question, job_evidence=found)


def _lawful(given: Sequence[Question], ground: Ground, guard: Guard) -> tuple[Question, ...]:
    """Whoever worded them: the guard reads the caller's questions as it reads the model's."""
    lawful: list[Question] = []
    for number, question in enumerate(given):
        verdict = verdict_on(question.text, question.competency, ground.job_skills, guard)
        if not verdict.allowed:
            raise DocumentError(verdict.refusal, f"core_questions[{number}].text")
        lawful.append(replace(question, guard=verdict))
    return tuple(lawful)


def judge(
    interview: Interview,
    item_id: str,
    texts: Sequence[str],
    taken: Sequence[str],
    encoder: Encoder | None = None,
    log_probabilities: Sequence[float | None] = (),
) -> Judgement:
    """Check what the model wrote after the item's opening, and choose the best of what passes.

    ``texts``: each from the opening's end to the model's end. ``taken``: the questions finished so far.
    ``log_probabilities``: of each text, the mean over its tokens, where they are known.
    Without an ``encoder`` the guard against unlawful questions has its patterns alone, and nothing else is
    judged by its meaning.
    """
    item, opening = interview.item(item_id), interview.prompt(item_id).opening
    openings = [prompt.opening for prompt in interview.prompts.values()]
    bare = [_without_opening(text, openings) for text in taken]
    refused: Counter[str] = Counter()
    encoder = Remembering(encoder) if encoder is not None else None
    guard = Guard(encoder, interview.jurisdictions)
    passed: list[tuple[Candidate, dict[str, float]]] = []
    for number, text in enumerate(texts):
        asked = question_from_text(opening, text)
        if asked is None:
            refused["form"] += 1
            continue
        candidate = Candidate(asked, opening, item, interview.ground, bare, guard, taken, encoder)
        if reason := refusal(candidate):
            refused[reason] += 1
        else:
            likely = log_probabilities[number] if log_probabilities else None
            passed.append((candidate, scores(candidate, likely)))
    if not passed:
        return Judgement(None, dict(refused))
    best, ranked = max(passed, key=lambda each: each[1]["total"])
    rubric = rubric_for(item.type, item.relation, item.competency)
    verdict = verdict_on(best.text, item.competency, interview.ground.job_skills, guard)
    question = replace(
        _question(item, best.text, Source.MODEL, rubric, verdict),
        attempts=len(texts),
        prompt_version=prompt_version(),
        scores=ranked,
    )
    return Judgement(question, dict(refused))


def _without_opening(text: str, openings: Sequence[str]) -> str:
    """Questions share openings, so only the rest tells whether two are the same."""
    return next((continuation(opening, text) for opening in openings if text.startswith(opening)), text)


def bank_question(interview: Interview, item_id: str, taken: Sequence[str]) -> Question:
    """The item's question from the written bank. There always is one, and patterns are enough of a guard for
    what was written with care."""
    item = interview.item(item_id)
    written = bank_question_for(item, taken, interview.profession)
    return _of_bank(item, written, interview.ground, Guard(None, interview.jurisdictions))


def _of_bank(item: PlanItem, written: Written, ground: Ground, guard: Guard) -> Question:
    verdict = verdict_on(written.text, item.competency, ground.job_skills, guard)
    return _question(item, written.text, Source.BANK, written.rubric, verdict)


def _question(item: PlanItem, text: str, source: Source, rubric: Rubric, verdict: Verdict) -> Question:
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
        rubric=rubric,
        guard=verdict,
        taxonomy_uri=taxonomy_uri(item.competency),
    )
