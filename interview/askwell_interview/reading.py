"""What one document says: its skills and where, its years, its duties or achievements."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from .claim import Level, level_of, negated
from .deed import acts
from .evidence import quote_around, quote_segment
from .question import Evidence
from .segment import Section, Segment
from .skill import Entry, Hit, gazetteer, listed_skills
from .span import Span, touches
from .tenure import periods_behind, work_blocks
from .text import Text
from .years import Period, years_about, years_of

MAX_LISTED = 12
MAX_SENTENCES = 12
# A long academic CV has some hundred; what a list of names repeats beyond that tells nothing more.
MAX_MENTIONS = 600


@dataclass(slots=True)
class Named:
    """One skill as a document names it. ``rank`` is where the document's best mention stands: lower is
    weightier. ``told``: some mention says what was done with it. ``evidence`` is the best mention's,
    ``level`` the highest. ``others``: names of the skills that the job would take instead. ``linked``: the
    document has it in words of its own, and only their meaning tells."""

    entry: Entry
    evidence: Evidence
    rank: int
    count: int = 0
    required: bool = False
    told: bool = False
    level: Level = Level.WEAK
    years: float | None = None
    periods: list[Period] = field(default_factory=list)
    others: set[str] = field(default_factory=set)
    linked: bool = False


NICE = re.compile(
    r"\b(?:nice to have|a plus|bonus|preferred|preferably|desirable|advantage(?:ous)?|ideally|"
    r"would help|optional|"
    r"helpful|welcome|is an asset|beneficial)\b",
    re.IGNORECASE,
)
_JOB_RANK = {
    Section.REQUIREMENTS: 0,
    Section.SKILLS: 0,
    Section.EXPERIENCE: 0,
    Section.DUTIES: 1,
    Section.EDUCATION: 1,
    Section.NICE: 3,
}
_LEAD_IN = re.compile(
    r"^(?:\w+\.?\*\* )?(?:you(?:'ll|’ll| will)?(?: also)?|to|responsible for|and|being|the ability to)\s+",
    re.IGNORECASE,
)
INJECTION = re.compile(
    r"\b(?:ignore|disregard|previous instructions?|system prompt|language model|as an ai|"
    r"you are now|from now on)\b|<\|",
    re.I,
)


class _Mention(NamedTuple):
    hit: Hit
    segment: Segment
    evidence: Evidence
    level: Level


_BySegment: TypeAlias = dict[Segment, list[_Mention]]


def _by_segment(mentions: list[_Mention]) -> _BySegment:
    found: _BySegment = {}
    for mention in mentions:
        found.setdefault(mention.segment, []).append(mention)
    return found


def _mentions(
    cut_: Text, skip: frozenset[Section], listing: frozenset[Section], extra: Sequence[Entry]
) -> list[_Mention]:
    """Skills that the document names and does not deny, in order."""
    found: list[_Mention] = []
    listed: set[str] = set()
    named = 0
    patterns = _standing_alone(cut_.text, extra)
    for segment in cut_.segments:
        if segment.section in skip:
            continue
        if named > MAX_MENTIONS:
            break
        hits = [
            Hit(h.entry, h.start + segment.start, h.end + segment.start)
            for h in gazetteer().hits(cut_.text[segment.start : segment.end])
        ]
        more = _named_again(cut_.text, segment, patterns)
        if segment.section in listing and len(listed) < MAX_LISTED:
            more += listed_skills(
                cut_.text, segment.start, segment.end, bare=segment.section is Section.SKILLS
            )
        for hit in more:
            if all(hit.end <= h.start or h.end <= hit.start for h in hits):
                hits.append(hit)
                listed.add(hit.entry.name)
        named += len(hits)
        personal = _within(cut_.personal, segment)
        for hit in sorted(hits, key=lambda h: h.start):
            if touches(personal, hit.start, hit.end) or negated(cut_.text, segment.start, hit, segment.end):
                continue
            evidence = quote_around(cut_.text, segment, hit.start, hit.end, personal)
            if evidence is not None:
                level = level_of(cut_.text, segment.start, hit, segment.end)
                found.append(_Mention(hit, segment, evidence, level))
    return found


def _within(personal: list[Span], segment: Segment) -> list[Span]:
    """Those of the document's personal spans, which are in order, that reach into the segment."""
    first = bisect_right(personal, segment.start, key=lambda span: span.end)
    return personal[first : bisect_left(personal, segment.end, key=lambda span: span.start)]


def _standing_alone(text: str, extra: Sequence[Entry]) -> list[tuple[Entry, re.Pattern[str]]]:
    """Patterns of those skills the text names at all: its sentences are searched for no other."""
    patterns = [(entry, re.compile(rf"(?<!\w){re.escape(entry.name)}(?!\w)", re.I)) for entry in extra]
    return [(entry, pattern) for entry, pattern in patterns if pattern.search(text)]


def _named_again(text: str, segment: Segment, patterns: list[tuple[Entry, re.Pattern[str]]]) -> list[Hit]:
    """Skills that only the other document's lists know."""
    found = ((entry, pattern.search(text, segment.start, segment.end)) for entry, pattern in patterns)
    return [Hit(entry, match.start(), match.end()) for entry, match in found if match is not None]


def job_skills(cut_: Text) -> dict[str, Named]:
    """Skills of a job description by name, weightiest first; the company's praise of itself left out."""
    named: dict[str, Named] = {}
    mentions = _mentions(
        cut_,
        frozenset({Section.OFFER, Section.PERSONAL}),
        frozenset({Section.SKILLS, Section.REQUIREMENTS, Section.NICE, Section.EXPERIENCE}),
        (),
    )
    neighbours = _by_segment(mentions)
    for mention in mentions:
        segment = mention.segment
        nice = (
            segment.section is Section.NICE or NICE.search(cut_.text, segment.start, segment.end) is not None
        )
        rank = 3 if nice else _JOB_RANK.get(segment.section, 2)
        entry = _note(named, mention, rank)
        entry.required |= not nice
        entry.years = max(filter(None, (entry.years, _years(cut_.text, mention, neighbours))), default=None)
    for first, second in pairwise(mentions):
        between = cut_.text[first.hit.end : second.hit.start]
        if first.segment is second.segment and _OR.fullmatch(between):
            one, other = (m.hit.entry.name.casefold() for m in (first, second))
            named[one].others.add(other)
            named[other].others.add(one)
    return dict(
        sorted(
            named.items(),
            key=lambda item: (
                item[1].rank,
                item[1].entry.kind in ("soft", "licence"),
                -min(item[1].count, 3),
                item[1].evidence.start,
            ),
        )
    )


# "SAP or Microsoft Dynamics", "an ERP system such as SAP", "Kafka, or a comparable message broker".
_OR = re.compile(
    r"s?,? ?(?:\(?(?:or|such as|e\.g\.,?|for example|like)|/) ?"
    r"(?:(?:an?|the|another|other|any|comparable|similar|equivalent) )*",
    re.IGNORECASE,
)


def resume_skills(cut_: Text, extra: Sequence[Entry], today: date) -> dict[str, Named]:
    """Skills of a résumé by name, in the order of their first mention."""
    named: dict[str, Named] = {}
    blocks = work_blocks(cut_, today)
    mentions = _mentions(cut_, frozenset({Section.PERSONAL}), frozenset({Section.SKILLS}), extra)
    neighbours = _by_segment(mentions)
    for mention in mentions:
        sentence = cut_.text[mention.segment.start : mention.segment.end]
        told = mention.segment.section is Section.EXPERIENCE and mention.segment.bullet
        told |= mention.segment.section not in (Section.SKILLS, Section.EDUCATION) and acts(sentence)
        told &= mention.level is not Level.WEAK
        entry = _note(named, mention, 0 if told else 1)
        entry.told |= told
        entry.years = max(filter(None, (entry.years, _years(cut_.text, mention, neighbours))), default=None)
        entry.periods += [p for p, start, end in blocks if start <= mention.hit.start < end]
        entry.periods += periods_behind(cut_.text, mention.hit.end, mention.segment.end, today)
    for entry in named.values():
        entry.years = entry.years or years_of(entry.periods)
    return named


def _note(named: dict[str, Named], mention: _Mention, rank: int) -> Named:
    entry = named.setdefault(
        mention.hit.entry.name.casefold(), Named(mention.hit.entry, mention.evidence, rank)
    )
    if rank < entry.rank:
        entry.rank, entry.evidence = rank, mention.evidence
    entry.count += 1
    entry.level = max(entry.level, mention.level)
    return entry


def _years(text: str, mention: _Mention, mentions: _BySegment) -> float | None:
    segment = mention.segment
    others = [(m.hit.start, m.hit.end) for m in mentions[segment] if m.hit is not mention.hit]
    return years_about(text, segment.start, segment.end, (mention.hit.start, mention.hit.end), others)


def duties(cut_: Text) -> tuple[Evidence, ...]:
    """What the job holder will do; "You run searches" counts where no heading says what follows."""
    found = [s for s in cut_.segments if s.section is Section.DUTIES or _tells_you(cut_.text, s)]
    if any(s.bullet for s in found):
        found = [s for s in found if s.bullet]
    return _quotes(cut_, found)


def _tells_you(text: str, s: Segment) -> bool:
    you = r"you " if s.section is Section.HEADER else r"you(?:'ll|’ll| will) "
    return re.match(you, text[s.start : s.end], re.IGNORECASE) is not None


def achievements(cut_: Text) -> tuple[Evidence, ...]:
    """What the candidate says to have done."""
    return _quotes(
        cut_,
        [
            s
            for s in cut_.segments
            if s.section in (Section.EXPERIENCE, Section.SUMMARY, Section.HEADER)
            and acts(cut_.text[s.start : s.end])
        ],
    )


def _quotes(cut_: Text, segments: list[Segment]) -> tuple[Evidence, ...]:
    quotes = (quote_segment(cut_.text, s, _within(cut_.personal, s)) for s in segments)
    return tuple(q for q in quotes if q is not None and not commands(q.quote))[:MAX_SENTENCES]


def bare_duty(quote: str) -> str:
    """A duty without "You will" before it."""
    return _LEAD_IN.sub("", quote)


def commands(sentence: str) -> bool:
    """Whether a sentence speaks to the model instead of telling about work."""
    return INJECTION.search(sentence) is not None
