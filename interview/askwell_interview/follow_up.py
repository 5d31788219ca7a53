"""What to ask next: a follow-up on one answer to one question.

    open_follow_up(question, answer)  redacts the answer, says what it was like, renders the prompt
    judge_follow_up(opened, texts)    checks what the model wrote, and chooses the best of what passes

Nothing of the answer leaves but its gist, in the prompt.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rapidfuzz.fuzz import ratio, token_set_ratio

from .answer import MAX_ANSWER_CHARACTERS, Answer, answer_from_text, trigger_of
from .candidate import Candidate
from .checks import (
    COPY_LIKENESS,
    MAX_LIKENESS,
    confused,
    form,
    invented,
    private,
    unlawful,
    verdict_on,
)
from .data_file import plain_words, telling_words
from .encoder import Encoder
from .error import DocumentError
from .follow_up_prompt import EXAMPLE_FOLLOW_UPS, follow_up_prompt, follow_up_version, gist_of, manner_for
from .ground import Ground, digest, name_pairs, question_words
from .guard import Guard, Verdict
from .item import PlanItem
from .language import is_english
from .life import speaks_of_life
from .parse import question_from_text
from .prompt import Prompt, Style
from .question import Evidence, FollowUp, Question, QuestionType, Relation, Slot, Source, Trigger
from .rubric import rubric_for
from .score import scores
from .skill import gazetteer
from .word import stems

_HYPOTHETICAL = re.compile(
    r"\b(?:would|do|will|could|can) you (?!describe|tell|recall|give|think|share|name|remember|"
    r"walk me through (?:the|an?))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What to ask next, and what the answer was like that calls for it. ``prompt_version``: a Question's."""

    trigger: Trigger
    text: str
    source: Source
    guard: Verdict
    prompt_version: str = ""


@dataclass(frozen=True, slots=True)
class OpenFollowUp:
    """``written``: what is asked if the model has nothing better. ``taken``: what need not be asked again.
    ``item`` and ``ground`` are what a text of the model is measured against."""

    prompt: Prompt
    written: Suggestion
    taken: tuple[str, ...]
    item: PlanItem
    ground: Ground
    jurisdictions: frozenset[str]


@dataclass(frozen=True, slots=True)
class FollowUpJudgement:
    """The best text that passed, or None; and how many texts each check refused first."""

    suggestion: Suggestion | None
    refused: Mapping[str, int]


def open_follow_up(
    question: Question,
    answer: str,
    style: Style,
    encoder: Encoder | None = None,
    jurisdictions: frozenset[str] = frozenset(),
) -> OpenFollowUp:
    """``jurisdictions``: whose law says what must not be asked, that of all for none.

    Raises DocumentError for an answer that cannot be judged and a question that must not be asked.
    """
    question = _known(question)
    heard = _heard(answer, f"{question.text} {question.competency}")
    guard = Guard(encoder, jurisdictions)
    verdict = verdict_on(question.text, question.competency, frozenset(), guard)
    if not verdict.allowed:
        raise DocumentError(verdict.refusal, "question.text")
    trigger = trigger_of(heard.text, question.type)
    gist = gist_of(heard, question.text)
    return OpenFollowUp(
        prompt=follow_up_prompt(question, gist, trigger, style),
        written=_written(question, trigger, guard),
        taken=(question.text, *EXAMPLE_FOLLOW_UPS),
        item=_item(question, gist),
        ground=_ground(question, gist, heard),
        jurisdictions=jurisdictions,
    )


def _known(question: Question) -> Question:
    """A question that somebody worded does not say of what type it is, but shows it."""
    type_, relation = question.type, question.relation
    if type_ is QuestionType.TYPE_UNSPECIFIED:
        hypothetical = _HYPOTHETICAL.search(question.text) is not None
        type_ = QuestionType.SITUATIONAL if hypothetical else QuestionType.BEHAVIOURAL
    if relation is Relation.RELATION_UNSPECIFIED:
        relation = Relation.JOB
    return replace(question, type=type_, relation=relation)


def _heard(answer: str, job: str) -> Answer:
    if len(answer) > MAX_ANSWER_CHARACTERS:
        told = f"has {len(answer)} characters; at most {MAX_ANSWER_CHARACTERS}: give what matters of it"
        raise DocumentError(told, "answer")
    if not question_words(answer):
        raise DocumentError("holds no words", "answer")
    if not is_english(answer):
        raise DocumentError("is not in English, the one language whose answers can be judged", "answer")
    return answer_from_text(answer, job)


def _written(question: Question, trigger: Trigger, guard: Guard) -> Suggestion:
    """The question's own follow-up for such an answer, or its rubric's, or the one that always fits."""
    planned = [*question.rubric.follow_ups, *_of_rubric(question)]
    planned.append(FollowUp(trigger, manner_for(trigger, question.type).standing))
    for text in (each.text for each in planned if each.trigger is trigger):
        verdict = verdict_on(text, question.competency, frozenset(), guard)
        if verdict.allowed:
            break
    return Suggestion(trigger, text, Source.BANK, verdict)


def _of_rubric(question: Question) -> tuple[FollowUp, ...]:
    """Those of the written rubric; none where the caller's question is of a type that is never planned."""
    try:
        return rubric_for(question.type, question.relation, question.competency).follow_ups
    except KeyError:
        return ()


def _item(question: Question, gist: str) -> PlanItem:
    said = (question.text, gist)
    return PlanItem(
        id="",
        slot=Slot.PROBE,
        type=question.type,
        competency=question.competency,
        relation=question.relation,
        reason="",
        job_evidence=Evidence(said[0], 0, len(said[0])),
        resume_evidence=Evidence(said[1], 0, len(said[1])),
    )


def _ground(question: Question, gist: str, heard: Answer) -> Ground:
    asked = f"{question.text} {question.competency}"
    known = frozenset(stems(f"{asked} {gist}"))
    return Ground(
        job=frozenset(stems(asked)),
        resume=frozenset(stems(gist)),
        job_skills=_skills(asked),
        resume_skills=_skills(gist),
        personal=frozenset(digest(word) for word in heard.removed if known.isdisjoint(stems(word))),
        occupation=frozenset(),
        names=name_pairs(f"{asked} {gist}"),
    )


def _skills(text: str) -> frozenset[str]:
    return frozenset(hit.entry.name.casefold() for hit in gazetteer().hits(text))


def _said(c: Candidate) -> frozenset[str]:
    """Stems of what the model added that come from the answer; from the question where it gave no detail."""
    details = c.ground.resume - plain_words() or c.ground.job - plain_words() | telling_words()
    return frozenset(stems(c.added)) & details


def _vague(c: Candidate) -> bool:
    """Takes up nothing that was said, or as much that was not."""
    known = plain_words() | c.known | telling_words()
    unknown = {s for s in stems(c.added) if s not in known and len(s) > 2}
    return not _said(c) or 2 * len(unknown) > len(_said(c))


# How a small model loses the thread after these openings: it asks about being asked, or leaves the past.
_ASTRAY = re.compile(
    r"\b(?:asked|tasked|faced)\b|, you know\b|\blife\b|\bpassion\b|"
    r"\byour (?:mother|father|parents|wife|husband|partner|children|child|kids?|son|daughter|family)\b",
    re.IGNORECASE,
)
_PRESENT = re.compile(r"(?:you )?(?:['’]re|are|have to|need|want|don['’]t|didn['’]t|is|do)\b", re.IGNORECASE)


def _telling_on(c: Candidate) -> bool:
    """Gives a person away, or takes up private life."""
    return private(c) or speaks_of_life(c.added, f"{c.taken[0]} {c.item.competency}")


def _astray(c: Candidate) -> bool:
    past = re.search(r"\b(?:did|changed|came|was)\b", c.opening) is not None
    return (
        confused(c) or _ASTRAY.search(c.added) is not None or (past and _PRESENT.match(c.added) is not None)
    )


def _repeated(c: Candidate) -> bool:
    question, *examples = c.taken
    return token_set_ratio(c.text.casefold(), question.casefold()) >= MAX_LIKENESS or any(
        ratio(c.text, example) >= COPY_LIKENESS for example in examples
    )


_CHECKS: tuple[tuple[str, Callable[[Candidate], bool]], ...] = (
    ("form", lambda c: not form(c)),
    ("invented", invented),
    ("private", _telling_on),
    ("unlawful", unlawful),
    ("confused", _astray),
    ("vague", _vague),
    ("repeated", _repeated),
)


def judge_follow_up(
    opened: OpenFollowUp,
    texts: Sequence[str],
    encoder: Encoder | None = None,
    log_probabilities: Sequence[float | None] = (),
) -> FollowUpJudgement:
    """As ``interview.judge``: ``texts`` go from the opening's end to the model's end."""
    refused: Counter[str] = Counter()
    guard, opening = Guard(encoder, opened.jurisdictions), opened.prompt.opening
    passed: list[tuple[float, str]] = []
    for number, text in enumerate(texts):
        asked = question_from_text(opening, text)
        if asked is None:
            refused["form"] += 1
            continue
        candidate = Candidate(asked, opening, opened.item, opened.ground, opened.taken, guard)
        reason = next((name for name, refuses in _CHECKS if refuses(candidate)), None)
        if reason:
            refused[reason] += 1
        else:
            likely = log_probabilities[number] if log_probabilities else None
            passed.append((scores(candidate, likely)["total"], asked))
    if not passed:
        return FollowUpJudgement(None, dict(refused))
    _, best = max(passed)
    verdict = verdict_on(best, opened.item.competency, opened.ground.job_skills, guard)
    suggestion = Suggestion(opened.written.trigger, best, Source.MODEL, verdict, follow_up_version())
    return FollowUpJudgement(suggestion, dict(refused))
