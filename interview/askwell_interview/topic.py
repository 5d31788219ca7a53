"""What may be asked about: competencies of the job and of the résumé, and what each document says of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .claim import Level, negated
from .closeness import Closeness
from .encoder import Encoder
from .evidence import quote_around
from .features import Reading
from .gerund import deed_phrase, gerund_phrase
from .item import PlanItem
from .question import Evidence, QuestionType, Relation, Slot
from .reading import NICE, Named, bare_duty
from .rubric import rubric_for
from .segment import Section
from .skill import Entry, Hit
from .span import touches
from .text import Text
from .word import stems

B, S, T, M = (
    QuestionType.BEHAVIOURAL,
    QuestionType.SITUATIONAL,
    QuestionType.TECHNICAL,
    QuestionType.MOTIVATION,
)


@dataclass(frozen=True, slots=True)
class Topic:
    """A competency that may be planned, with what each document says about it.

    ``required``: the job names it as a must. ``told``: the résumé tells an occasion. ``weak``: it claims no
    more than a beginning. ``linked``: it has the skill in other words. ``other``: the résumé's skill that is
    close to one it lacks; ``resume`` is then that skill's evidence.
    """

    entry: Entry
    relation: Relation
    job: Evidence | None
    resume: Evidence | None
    asked_years: float | None = None
    shown_years: float | None = None
    required: bool = True
    told: bool = False
    other: str = ""
    weak: bool = False
    linked: bool = False


def topics(reading: Reading, encoder: Encoder | None = None) -> list[Topic]:
    """Everything that may be asked of this candidate: the job's skills, weightiest first, then what both name
    in the résumé's words, claims, duties, and achievements."""
    fields = {named.entry.field for named in reading.asked.values()} - {"", "general"}
    claims = [
        Topic(shown.entry, Relation.UNVERIFIED_CLAIM, None, shown.evidence, None, shown.years, False)
        for name, shown in reading.shown.items()
        if name not in reading.asked
        and not shown.told
        and shown.entry.field in fields
        and shown.entry.kind != "licence"
    ]
    asked = _bridged(list(_asked_topics(reading)), reading, encoder)
    return asked + list(_echoes(reading)) + claims + _duty_topics(reading) + _achievement_topics(reading)


def core_topics(reading: Reading) -> list[Topic]:
    """Everything that may be asked of whoever applies: the job's skills and duties, from the job alone."""
    named = [_topic(each, Relation.JOB, None) for each in reading.asked.values()]
    return named + _duties(reading)


def types_for(topic: Topic) -> tuple[QuestionType, ...]:
    """The types of question that suit the topic, best first. Soft skills show in deeds, not in technique."""
    types = _TYPES[topic.relation]
    if topic.entry.kind == "soft":
        types = tuple(each for each in types if each is not T)
    if topic.relation is Relation.MATCH and topic.entry.kind not in ("soft", "licence"):
        types = (*types, M)
    return types


_TYPES: dict[Relation, tuple[QuestionType, ...]] = {
    Relation.JOB: (B, T, S),
    Relation.MATCH: (B, T, S),
    Relation.GAP: (S, T),
    Relation.PARTIAL: (T, B),
    Relation.UNVERIFIED_CLAIM: (B, T),
    Relation.TRANSFERABLE: (S, T),
}


def item_from(topic: Topic, id: str, slot: Slot, type: QuestionType) -> PlanItem:
    """The topic as one planned question."""
    rubric = rubric_for(type, topic.relation, topic.entry.name)
    return PlanItem(
        id=id,
        slot=slot,
        type=type,
        competency=topic.entry.name,
        relation=topic.relation,
        reason=_reason(topic),
        job_evidence=topic.job,
        resume_evidence=topic.resume,
        kind=topic.entry.kind,
        field=topic.entry.field,
        other=topic.other,
        linked=topic.linked,
        minutes=rubric.minutes,
        difficulty=rubric.difficulty,
    )


def _asked_topics(reading: Reading) -> Iterator[Topic]:
    for name, named in reading.asked.items():
        shown = reading.shown.get(name)
        if named.entry.kind == "licence" and shown is not None and shown.level is not Level.WEAK:
            continue  # a certificate that is there is looked at, not talked about
        if shown is None and not named.others.isdisjoint(reading.shown):
            continue  # "SAP or Microsoft Dynamics": one of them is what the job asks for
        yield _topic(named, _relation(named, shown), shown)


def _relation(named: Named, shown: Named | None) -> Relation:
    if shown is None:
        return Relation.GAP
    if named.years is not None and shown.years is not None and shown.years < named.years:
        return Relation.PARTIAL
    if shown.level is Level.WEAK and (named.years is not None or named.level is Level.STRONG):
        return Relation.PARTIAL
    return Relation.MATCH if shown.told else Relation.UNVERIFIED_CLAIM


def _topic(named: Named, relation: Relation, shown: Named | None) -> Topic:
    return Topic(
        named.entry,
        relation,
        named.evidence,
        shown.evidence if shown else None,
        named.years,
        shown.years if shown else None,
        named.required,
        shown is not None and shown.told,
        weak=shown is not None and shown.level is Level.WEAK,
        linked=shown is not None and shown.linked,
    )


def _bridged(asked: list[Topic], reading: Reading, encoder: Encoder | None) -> list[Topic]:
    """The topics with every gap that a skill of the résumé comes close to as TRANSFERABLE. Each of the
    résumé's skills bridges one gap: the same answer twice tells nothing new."""
    gaps = [topic for topic in asked if topic.relation is Relation.GAP]
    fields = {(topic.entry.field, topic.entry.kind) for topic in gaps if topic.entry.field}
    bridges = [n for n in reading.shown.values() if (n.entry.field, n.entry.kind) in fields]
    close = Closeness((e.name for e in (*(t.entry for t in gaps), *(n.entry for n in bridges))), encoder)
    bridged = []
    for topic in asked:
        near = [n for n in bridges if topic.relation is Relation.GAP and close.akin(topic.entry, n.entry)]
        best = max(
            near, key=lambda n: (close.cosine(topic.entry.name, n.entry.name) or 0, n.told), default=None
        )
        if best is not None:
            bridges.remove(best)
            topic = replace(
                topic,
                relation=Relation.TRANSFERABLE,
                resume=best.evidence,
                shown_years=best.years,
                told=best.told,
                other=best.entry.name,
            )
        bridged.append(topic)
    return bridged


def _echoes(reading: Reading) -> Iterator[Topic]:
    """What the résumé lists in words of its own that the job has too: "telehealth", "falls prevention"."""
    for name, shown in reading.shown.items():
        if name in reading.asked or shown.entry.field or shown.entry.kind == "licence":
            continue
        if (found := _named_in(reading.job, shown.entry)) is not None:
            evidence, required = found
            relation = Relation.MATCH if shown.told else Relation.UNVERIFIED_CLAIM
            yield Topic(
                shown.entry, relation, evidence, shown.evidence, None, shown.years, required, shown.told
            )


def _named_in(job: Text, entry: Entry) -> tuple[Evidence, bool] | None:
    """Where the job names a skill that it does not list, and whether as a must."""
    pattern = re.compile(rf"(?<!\w){re.escape(entry.name)}(?!\w)", re.IGNORECASE)
    for segment in job.segments:
        match = pattern.search(job.text, segment.start, segment.end)
        if match is None or segment.section in (Section.OFFER, Section.PERSONAL):
            continue
        start, end = match.span()
        if touches(job.personal, start, end) or negated(
            job.text, segment.start, Hit(entry, start, end), segment.end
        ):
            continue
        if (evidence := quote_around(job.text, segment, start, end, job.personal)) is not None:
            nice = segment.section is Section.NICE or NICE.search(job.text, segment.start, segment.end)
            return evidence, not nice
    return None


def _duties(reading: Reading) -> list[Topic]:
    """Duties as competencies, for jobs that name few skills."""
    return [
        Topic(Entry(phrase, "", "duty"), Relation.JOB, duty, None)
        for duty in reading.features.duties
        if (phrase := gerund_phrase(bare_duty(duty.quote)))
    ]


def _duty_topics(reading: Reading) -> list[Topic]:
    """Duties, each with what the candidate did that is most like it."""
    deeds = {deed: _telling(deed.quote) for deed in reading.features.achievements}
    found = []
    for topic in _duties(reading):
        words = _telling(topic.entry.name)
        best = max(deeds, key=lambda deed: len(deeds[deed] & words), default=None)
        if best is not None and len(deeds[best] & words) >= 2:
            topic = replace(topic, relation=Relation.MATCH, resume=best, told=True)
        found.append(topic)
    return found


# What two sentences may share without telling of the same work.
_LITTLE = frozenset(
    stems(
        "a an and at by for from in into of on or our out over per than that the their them then "
        "this those to "
        "two three under up we when which who with within year years month week day daily weekly monthly new "
        "all each every other also more most work team people first about"
    )
)


def _telling(text: str) -> frozenset[str]:
    return frozenset(stems(text)) - _LITTLE


def _achievement_topics(reading: Reading) -> list[Topic]:
    """What the candidate says to have done: how, and by whom of those who were there, is worth asking."""
    return [
        Topic(Entry(phrase, "", "duty"), Relation.UNVERIFIED_CLAIM, None, deed, required=False, told=True)
        for deed in reading.features.achievements
        if (phrase := deed_phrase(deed.quote))
    ]


def _reason(topic: Topic) -> str:
    name = topic.entry.name
    if topic.relation is Relation.JOB:
        if topic.entry.kind == "duty":
            return f"The work includes {name}."
        years = f" ({_years(topic.asked_years)})" if topic.asked_years else ""
        return f"The job asks for {name}{years}."
    if topic.relation is Relation.MATCH:
        if topic.entry.kind == "duty":
            return f"The work includes {name}, and the résumé tells of something like it."
        if topic.linked:
            return f"The job asks for {name}, and the résumé tells of what seems to be it in other words."
        return f"Job and résumé both name {name}: find out how deep the experience goes."
    level = "requires" if topic.required else "welcomes"
    if topic.relation is Relation.GAP:
        return f"The job {level} {name}, which the résumé does not name."
    if topic.relation is Relation.TRANSFERABLE:
        near = f"the résumé names {topic.other}, which is close: find out what carries over"
        return f"The job {level} {name}; {near}."
    if topic.relation is Relation.PARTIAL:
        if topic.weak:
            return f"The job asks for more of {name} than the beginning that the résumé tells of."
        asked, shown = _years(topic.asked_years), _years(topic.shown_years)
        return f"The job asks for {asked} of {name}; the résumé shows {shown}."
    if topic.entry.kind == "duty":
        return f"The résumé tells of {name}: find out the candidate's own part in it."
    where = "" if topic.job else ", which the job does not name,"
    return f"The résumé claims {name}{where} and tells no occasion."


def _years(years: float | None) -> str:
    return f"{years or 0:g} year{'' if years == 1 else 's'}"
