"""Which competencies to probe, in what way, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from .features import Reading
from .gerund import gerund_phrase
from .question import Evidence, Question, QuestionType, Relation, Slot
from .reading import Named, bare_duty
from .skill import Entry, Kind

B, S, T, M = (
    QuestionType.BEHAVIOURAL,
    QuestionType.SITUATIONAL,
    QuestionType.TECHNICAL,
    QuestionType.MOTIVATION,
)
MIN_FOR_MOTIVATION = 5


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One planned question. ``kind`` is the skill's, and chooses the wording. ``other``: the skill that the
    candidate has in place of the competency, of a relation TRANSFERABLE."""

    id: str
    slot: Slot
    type: QuestionType
    competency: str
    relation: Relation
    reason: str
    job_evidence: Evidence | None
    resume_evidence: Evidence | None
    kind: Kind = "knowledge"
    field: str = ""
    other: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    items: tuple[PlanItem, ...]


@dataclass(frozen=True, slots=True)
class _Topic:
    """A competency that may be planned, with what each document says about it."""

    entry: Entry
    relation: Relation
    job: Evidence | None
    resume: Evidence | None
    asked_years: float | None = None
    shown_years: float | None = None
    required: bool = True


def plan_questions(reading: Reading, count: int, core: Sequence[Question]) -> Plan:
    """At most ``count`` items: the caller's core or one from the job alone, then probes for this candidate.

    The core depends on the job and ``count`` only. No competency is planned twice; where the documents
    hold nothing more, the plan is smaller.
    """
    given = tuple(_given_item(question, number) for number, question in enumerate(core, 1))
    used = {item.competency.casefold() for item in given}
    chosen = list(given) or _core(reading, core_count(count))
    used |= {item.competency.casefold() for item in chosen}
    topics = [t for t in _probe_topics(reading) if t.entry.name.casefold() not in used]
    taken = {item.id for item in chosen}
    probes = _typed(_mixed(topics, count - len(chosen)))
    number = 0
    for topic, kind in probes:
        number += 1
        while f"probe-{number}" in taken:
            number += 1
        chosen.append(_item(f"probe-{number}", Slot.PROBE, kind, topic))
    return Plan(tuple(chosen))


def core_count(count: int) -> int:
    """How many of ``count`` questions are the same for every candidate: about a third, two from four on."""
    return max(2, round(count / 3)) if count >= 4 else min(1, count - 1)


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
    )


def _core(reading: Reading, wanted: int) -> list[PlanItem]:
    """The job's weightiest skills, from different sentences while there are enough, soft ones last."""
    topics = [_topic(named, Relation.JOB, None) for named in reading.asked.values() if named.required]
    topics += _duty_topics(reading)
    picked: list[_Topic] = []
    for fresh in (True, False):
        for topic in topics:
            soft = topic.entry.kind in ("soft", "licence")
            if (
                len(picked) < wanted
                and topic not in picked
                and not ((soft and fresh) or (fresh and any(_same_place(topic, other) for other in picked)))
            ):
                picked.append(topic)
    kinds = [
        _fitting(want, topic) for want, topic in zip((B, T, S, B, T, S, B, T, S, B, T), picked, strict=False)
    ]
    return [
        _item(f"core-{n}", Slot.CORE, kind, topic)
        for n, (kind, topic) in enumerate(zip(kinds, picked, strict=True), 1)
    ]


def _same_place(one: _Topic, other: _Topic) -> bool:
    return one.job is not None and other.job is not None and one.job.start == other.job.start


def _probe_topics(reading: Reading) -> list[_Topic]:
    """Everything that may be asked of this candidate, weightiest first."""
    topics = []
    for name, named in reading.asked.items():
        shown = reading.shown.get(name)
        if named.entry.kind == "licence" and shown is not None:
            continue  # a certificate that is there is looked at, not talked about
        if shown is None and not named.others.isdisjoint(reading.shown):
            continue  # "SAP or Microsoft Dynamics": one of them is what the job asks for
        topics.append(_topic(named, _relation(named, shown), shown))
    fields = {named.entry.field for named in reading.asked.values()} - {"", "general"}
    claims = [
        _Topic(shown.entry, Relation.UNVERIFIED_CLAIM, None, shown.evidence, None, shown.years, False)
        for name, shown in reading.shown.items()
        if name not in reading.asked
        and not shown.told
        and shown.entry.field in fields
        and shown.entry.kind != "licence"
    ]
    return topics + claims + _duty_topics(reading)


def _relation(named: Named, shown: Named | None) -> Relation:
    if shown is None:
        return Relation.GAP
    if named.years is not None and shown.years is not None and shown.years < named.years:
        return Relation.PARTIAL
    return Relation.MATCH if shown.told else Relation.UNVERIFIED_CLAIM


def _topic(named: Named, relation: Relation, shown: Named | None) -> _Topic:
    return _Topic(
        named.entry,
        relation,
        named.evidence,
        shown.evidence if shown else None,
        named.years,
        shown.years if shown else None,
        named.required,
    )


def _duty_topics(reading: Reading) -> list[_Topic]:
    """Duties as competencies, for jobs that name few skills: only those in which no skill is named."""
    places = {named.evidence.start for named in reading.asked.values()}
    topics = []
    for duty in reading.features.duties:
        phrase = gerund_phrase(bare_duty(duty.quote))
        if phrase and duty.start not in places:
            topics.append(_Topic(Entry(phrase, "", "duty"), Relation.JOB, duty, None))
    return topics


# Four of the candidate's own to three of what is missing: enough gaps to be honest, enough matches to
# let the candidate shine. JOB stands for duties, when the rest has run out.
_MIX = (
    Relation.MATCH,
    Relation.GAP,
    Relation.UNVERIFIED_CLAIM,
    Relation.PARTIAL,
    Relation.MATCH,
    Relation.GAP,
    Relation.UNVERIFIED_CLAIM,
)


def _mixed(topics: list[_Topic], wanted: int) -> list[_Topic]:
    """Topics taken by turns from each relation; new sentences before those asked about already."""
    left = list(topics)
    picked: list[_Topic] = []
    turn = 0
    while left and len(picked) < wanted:
        relation = _MIX[turn % len(_MIX)]
        turn += 1
        of_kind = [t for t in left if t.relation is relation and (t.required or turn > 5 or t.job is None)]
        if not of_kind and turn % len(_MIX):
            continue
        pool = of_kind or left
        topic = next((t for t in pool if not any(_same_place(t, p) for p in picked)), pool[0])
        left.remove(topic)
        picked.append(topic)
    return picked


_TYPES: dict[Relation, tuple[QuestionType, ...]] = {
    Relation.JOB: (S, T, B),
    Relation.MATCH: (B, T, S),
    Relation.GAP: (S, T),
    Relation.PARTIAL: (T, B),
    Relation.UNVERIFIED_CLAIM: (B, T),
}


def _typed(topics: list[_Topic]) -> list[tuple[_Topic, QuestionType]]:
    """A type for each: by turns within its relation; the last match asks for motivation."""
    seen: dict[Relation, int] = {}
    typed = []
    for topic in topics:
        turn = seen[topic.relation] = seen.get(topic.relation, -1) + 1
        types = _TYPES[topic.relation]
        typed.append((topic, _fitting(types[turn % len(types)], topic)))
    matches = [
        i
        for i, t in enumerate(topics)
        if t.relation is Relation.MATCH and t.entry.kind not in ("soft", "licence")
    ]
    if len(topics) >= MIN_FOR_MOTIVATION and len(matches) >= 2:
        typed[matches[-1]] = (topics[matches[-1]], M)
    return typed


def _fitting(wanted: QuestionType, topic: _Topic) -> QuestionType:
    """Soft skills show in deeds, not in technique."""
    return B if topic.entry.kind == "soft" and wanted is T else wanted


def _item(id_: str, slot: Slot, kind: QuestionType, topic: _Topic) -> PlanItem:
    return PlanItem(
        id=id_,
        slot=slot,
        type=kind,
        competency=topic.entry.name,
        relation=topic.relation,
        reason=_reason(topic),
        job_evidence=topic.job,
        resume_evidence=topic.resume,
        kind=topic.entry.kind,
        field=topic.entry.field,
    )


def _reason(topic: _Topic) -> str:
    name = topic.entry.name
    if topic.relation is Relation.JOB:
        if topic.entry.kind == "duty":
            return f"The job holder will be {name}."
        years = f" ({_years(topic.asked_years)})" if topic.asked_years else ""
        return f"The job asks for {name}{years}."
    if topic.relation is Relation.MATCH:
        return f"Job and résumé both name {name}: find out how deep the experience goes."
    if topic.relation is Relation.GAP:
        level = "requires" if topic.required else "welcomes"
        return f"The job {level} {name}, which the résumé does not name."
    if topic.relation is Relation.PARTIAL:
        asked, shown = _years(topic.asked_years), _years(topic.shown_years)
        return f"The job asks for {asked} of {name}; the résumé shows {shown}."
    where = "" if topic.job else ", which the job does not name,"
    return f"The résumé claims {name}{where} and tells no occasion."


def _years(years: float | None) -> str:
    return f"{years or 0:g} year{'' if years == 1 else 's'}"
