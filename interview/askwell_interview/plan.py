"""Which competencies to probe, in what way, and why: the value of each topic, and the order of asking.

``selection.py`` chooses the set. The core is chosen first, from the job, ``count``, the mode and the budget
alone; then the probes, with what the core asks already taken into account.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, count
from math import ceil

from .bank import standing
from .closeness import Closeness
from .encoder import Encoder
from .features import Reading
from .item import Plan, PlanItem
from .mode import Mode, core_count
from .profession import profession_of
from .question import Evidence, Question, QuestionType, Relation, Rubric, Slot
from .rubric import rubric_for
from .selection import Candidate, Wish, choose
from .skill import Entry
from .topic import Topic, core_topics, item_from, topics, types_for

B, S, T, M = (
    QuestionType.BEHAVIOURAL,
    QuestionType.SITUATIONAL,
    QuestionType.TECHNICAL,
    QuestionType.MOTIVATION,
)
MIN_FOR_MOTIVATION = 5
# Shares of the types, in the core and in the whole plan.
CORE_SHARES = {B: 0.4, T: 0.3, S: 0.3}
SHARES = {B: 0.37, S: 0.27, T: 0.26, M: 0.1}
# Four of the candidate's own to three of what is missing: enough gaps to be honest, enough matches to let the
# candidate shine. A bridge from one to the other is half of each, a duty neither.
OWN = 4 / 7
LEANS = {
    Relation.MATCH: 1.0,
    Relation.UNVERIFIED_CLAIM: 1.0,
    Relation.TRANSFERABLE: 0.5,
    Relation.JOB: OWN,
    Relation.PARTIAL: 0.0,
    Relation.GAP: 0.0,
}
# What a topic is worth. A deed with a figure in it is worth asking about even where the job names no such
# skill.
MUST, NICE, UNASKED = 3.0, 1.5, 1.0
RELATION_VALUES = {
    Relation.TRANSFERABLE: 1.3,
    Relation.PARTIAL: 1.2,
    Relation.GAP: 1.0,
    Relation.MATCH: 1.0,
    Relation.UNVERIFIED_CLAIM: 0.8,
    Relation.JOB: 0.5,
}
TOLD, FIGURE, DUTY, SOFT, LICENCE, RANK, NOVELTY, SECOND_TYPE = 0.4, 0.6, -1.0, -0.8, -2.0, -0.04, 0.6, -0.12
RANKS, UNPERSONAL = 25, -1.5
# Who lists every skill there is gets no larger program: its rows may grow with the square of the topics.
MAX_TOPICS = 64
# Years asked for, and the mean difficulty that goes with less than so many.
SENIORITY = ((2.0, 2.3), (5.01, 2.8), (100.0, 3.2))
# Of a department's questions, those that its profession's bank holds ready.
STANDING_SHARE = 0.5
UNKNOWN_MINUTES, UNKNOWN_DIFFICULTY = 5, 3


@dataclass(frozen=True, slots=True)
class _Option:
    """One topic asked in one type. ``text``: the bank's, for a question that is written already."""

    topic: Topic
    number: int
    type: QuestionType
    value: float
    lean: float
    rubric: Rubric
    text: str = ""

    def item(self, id_: str, slot: Slot) -> PlanItem:
        item = item_from(self.topic, id_, slot, self.type)
        if not self.text:
            return item
        reason = "The profession's written bank asks it of everybody who applies."
        rubric = self.rubric
        return replace(
            item, reason=reason, text=self.text, minutes=rubric.minutes, difficulty=rubric.difficulty
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be planned. ``minutes``: the budget of the whole interview, None for none."""

    count: int
    mode: Mode = Mode.STRUCTURED
    minutes: int | None = None


def plan_questions(
    reading: Reading, ask: Ask, given: Sequence[Question] = (), encoder: Encoder | None = None
) -> Plan:
    """At most ``ask.count`` items: the caller's core or one from the job alone, and probes of the candidate;
    in BANK the caller's core and more of it.

    No competency is planned twice; where the documents hold nothing more, the plan is smaller.
    """
    core = [_given_item(question, number) for number, question in enumerate(given, 1)]
    if ask.mode is Mode.BANK:
        return Plan((*core, *_core(reading, ask, core, encoder)))
    core = core or _core(reading, ask, [], encoder)
    probes = _probes(reading, ask, core, encoder)
    if ask.mode.one_ladder:
        return Plan(tuple(sorted((*core, *probes), key=_rung)))
    return Plan((*core, *probes))


def _given_item(question: Question, number: int) -> PlanItem:
    return PlanItem(
        id=question.id or f"core-{number}",
        slot=Slot.CORE,
        type=question.type,
        competency=question.competency,
        relation=Relation.JOB,
        reason="The job's own core question, asked of every candidate in the same words.",
        job_evidence=question.job_evidence,
        resume_evidence=None,
        minutes=question.rubric.minutes or UNKNOWN_MINUTES,
        difficulty=question.rubric.difficulty or UNKNOWN_DIFFICULTY,
    )


def _core(reading: Reading, ask: Ask, given: Sequence[PlanItem], encoder: Encoder | None) -> list[PlanItem]:
    """The job's weightiest skills beside ``given``, from different sentences and fields while there are
    enough; in BANK half of them questions of the profession's bank that name no skill.

    Of what the job names a third at most (of little, up to three and half), or a long interview would leave
    nothing to ask of the candidate; and one question at least that fits into the minutes.
    """
    share = core_count(ask.count, ask.mode)
    options = _options(core_topics(reading))
    if ask.mode is Mode.BANK:
        options = [*(replace(option, lean=0.0) for option in options), *_standing(reading)]
    else:
        named = len({option.number for option in options})
        share = min(share, max(min(3, ceil(named / 2)), ceil(named / 3)))
    wanted = share - len(given)
    shortest = min((option.rubric.minutes for option in options), default=0)
    minutes = ask.minutes and min(ask.minutes, max(shortest, ask.minutes * share // ask.count))
    asked = [item.competency for item in given if item.competency]
    close = Closeness((*asked, *(option.topic.entry.name for option in options)), encoder)
    options = [o for o in options if not any(close.same(name, o.topic.entry.name) for name in asked)]
    wish = Wish(
        count=wanted,
        types={type_: share * wanted for type_, share in CORE_SHARES.items()},
        lean=STANDING_SHARE if ask.mode is Mode.BANK else OWN,
        difficulty=_difficulty(reading),
        minutes=_left(minutes, given),
        same=_same(options, close),
        motivation=(0, max(1, round(SHARES[M] * wanted))),
    )
    return _items(_chosen(options, wish, reading), Slot.CORE, {item.id for item in given})


def _probes(reading: Reading, ask: Ask, core: Sequence[PlanItem], encoder: Encoder | None) -> list[PlanItem]:
    asked = [item.competency for item in core if item.competency]
    pool = topics(reading, encoder)
    close = Closeness((*asked, *(topic.entry.name for topic in pool)), encoder)
    pool = [topic for topic in pool if not any(close.same(name, topic.entry.name) for name in asked)]
    options = [_for_probe(option, asked, close) for option in _options(pool)]
    wanted = ask.count - len(core)
    types = Counter(item.type for item in core)
    wish = Wish(
        count=wanted,
        types={type_: max(0.0, share * ask.count - types[type_]) for type_, share in SHARES.items()},
        lean=OWN,
        difficulty=_difficulty(reading),
        minutes=_left(ask.minutes, core),
        same=_same(options, close),
        motivation=(int(wanted >= MIN_FOR_MOTIVATION), max(1, round(SHARES[M] * ask.count))),
        places=frozenset(_place(reading, item.job_evidence) for item in core if item.job_evidence),
    )
    return _items(_chosen(options, wish, reading), Slot.PROBE, {item.id for item in core})


def _left(minutes: int | None, taken: Sequence[PlanItem]) -> int | None:
    return None if minutes is None else max(0, minutes - sum(item.minutes for item in taken))


def _options(pool: Sequence[Topic]) -> list[_Option]:
    """The weightier a topic, the more it is worth to ask it in its best type."""
    options = []
    weightiest = sorted(range(len(pool)), key=lambda number: -_value(pool[number], number))[:MAX_TOPICS]
    for number in sorted(weightiest):
        topic = pool[number]
        lean, better = LEANS[topic.relation], 1 + 1 / (1 + number)
        for turn, type_ in enumerate(types_for(topic)):
            value = _value(topic, number) + SECOND_TYPE * turn * better
            rubric = rubric_for(type_, topic.relation, topic.entry.name)
            options.append(_Option(topic, number, type_, value, lean, rubric))
    return options


def _standing(reading: Reading) -> list[_Option]:
    """The profession's questions that name no skill, each a topic of its own."""
    title, fields = reading.features.job_title, (named.entry.field for named in reading.asked.values())
    return [
        _Option(
            Topic(Entry(entry.competency, "", "knowledge"), Relation.JOB, None, None),
            -1 - number,
            entry.type,
            MUST,
            1.0,
            entry.rubric,
            entry.text,
        )
        for number, entry in enumerate(standing(profession_of(title, fields)))
        if entry.rubric is not None
    ]


def _value(topic: Topic, rank: int) -> float:
    kind = topic.entry.kind
    weight = MUST if topic.job and topic.required else NICE if topic.job else UNASKED
    return (
        weight
        + RELATION_VALUES[topic.relation]
        + TOLD * topic.told
        + FIGURE * (topic.resume is not None and any(ch.isdigit() for ch in topic.resume.quote))
        + DUTY * (kind == "duty" and topic.relation is Relation.JOB)
        + SOFT * (kind == "soft")
        + LICENCE * (kind == "licence")
        + RANK * min(rank, RANKS)
    )


def _for_probe(option: _Option, asked: Sequence[str], close: Closeness) -> _Option:
    """Worth less the nearer it is to what the core asks, where an encoder tells; and less for a duty, which
    says nothing of the candidate."""
    unpersonal = UNPERSONAL * (option.topic.relation is Relation.JOB)
    nearest = max((close.cosine(name, option.topic.entry.name) or 0.0 for name in asked), default=0.0)
    return replace(option, value=option.value + unpersonal - NOVELTY * nearest)


def _chosen(options: Sequence[_Option], wish: Wish, reading: Reading) -> list[_Option]:
    candidates = [
        Candidate(
            topic=option.number,
            type=option.type,
            value=option.value,
            minutes=option.rubric.minutes,
            difficulty=option.rubric.difficulty,
            lean=option.lean,
            place=_place(reading, option.topic.job) if option.topic.job else None,
            field=option.topic.entry.field,
        )
        for option in options
    ]
    return [options[i] for i in choose(candidates, wish)]


def _place(reading: Reading, evidence: Evidence) -> int:
    """Where the sentence begins that the evidence is from."""
    starts = [segment.start for segment in reading.job.segments]
    return starts[max(0, bisect_right(starts, evidence.start) - 1)] if starts else 0


def _same(options: Sequence[_Option], close: Closeness) -> frozenset[tuple[int, int]]:
    names = {option.number: option.topic.entry.name for option in options}
    return frozenset((i, j) for i, j in combinations(names, 2) if close.same(names[i], names[j]))


def _difficulty(reading: Reading) -> float:
    """The mean difficulty that suits the years that the job asks for."""
    asked = [reading.features.years_required, *(named.years for named in reading.asked.values())]
    years = max((each for each in asked if each is not None), default=None)
    return next(mean for below, mean in SENIORITY if (3.0 if years is None else years) < below)


def _items(chosen: Sequence[_Option], slot: Slot, taken: set[str]) -> list[PlanItem]:
    """From easy to hard; among equals what the candidate brings before what is missing."""
    ordered = sorted(chosen, key=lambda option: (option.rubric.difficulty, -LEANS[option.topic.relation]))
    name = slot.name.lower()
    free = (f"{name}-{n}" for n in count(1) if f"{name}-{n}" not in taken)
    return [option.item(id_, slot) for option, id_ in zip(ordered, free, strict=False)]


def _rung(item: PlanItem) -> tuple[int, float]:
    return item.difficulty, -LEANS.get(item.relation, OWN)
