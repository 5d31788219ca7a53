"""How long a person did something, or must have: what the sections of a document say of years."""

import re
from bisect import bisect_right
from datetime import date
from itertools import islice

from .segment import Section, Segment
from .skill import gazetteer
from .text import Text
from .years import Period, Said, periods_from_text, years_of, years_said

# More than any career has, and than any skill's dates need.
_MAX_PERIODS = 500
# "(from September 2019 until September 2021)" is 42 characters long.
_BEHIND = 80


def work_blocks(cut_: Text, today: date) -> list[tuple[Period, int, int]]:
    """Each period of work with the part of the text that tells of it: from its line to the next one's."""
    sections = [s.start for s in cut_.segments]
    work = [
        p
        for p in periods_from_text(cut_.text, today)
        if _section_at(cut_, sections, p.start) in (Section.EXPERIENCE, Section.HEADER)
    ][:_MAX_PERIODS]
    starts = [cut_.text.rfind("\n", 0, p.start) + 1 for p in work]
    ends = [*starts, len(cut_.text)][1:]
    limits = [s.start for s in cut_.segments if s.section not in (Section.EXPERIENCE, Section.HEADER)]
    limits.append(len(cut_.text))
    return [
        (period, start, min(end, limits[bisect_right(limits, start, hi=len(limits) - 1)]))
        for period, start, end in zip(work, starts, ends, strict=True)
    ]


def _section_at(cut_: Text, starts: list[int], at: int) -> Section | None:
    before = bisect_right(starts, at)
    return cut_.segments[before - 1].section if before and at < cut_.segments[before - 1].end else None


def periods_behind(text: str, start: int, end: int, today: date) -> list[Period]:
    """Date ranges right behind a skill that ends at ``start``: "Python since 2019"."""
    rest = text[start : min(end, start + _BEHIND)]
    found = periods_from_text(rest, today)[:1]
    return [p for p in found if re.fullmatch(r"\s*[,(:–—-]?\s*(?:from )?", rest[: p.start])]


_EXPERIENCE = r"['’]?\s*(?:of )?(?:[\w-]+ ){0,3}experience|['’]?\s*(?:working )?(?:in|as) "
# What a job says of a skill's years, "two years of experience with X", is not said in general.
_IN_GENERAL = rf"(?:{_EXPERIENCE})(?! (?:with|of|using)\b)"
_BEFORE_YEARS = re.compile(
    r"experience(?: of)?\s*:?\s*(?:at least |min(?:imum)?\.?(?: of)? |over |more than )?$", re.IGNORECASE
)
_OWN_PRAISE = re.compile(
    r"\b(?:firm|company|we(?! (?:need|ask|require|expect|want|look|are looking))|our|business|family|"
    r"team)\b[^.;]*$",
    re.IGNORECASE,
)


def years_in_general(cut_: Text, today: date | None) -> float | None:
    """Years not tied to a skill; for a résumé (``today`` given) else what its dates add up to."""
    times = (
        (s, time)
        for s in cut_.segments
        if s.section not in (Section.OFFER, Section.EDUCATION, Section.PERSONAL)
        for time in years_said(cut_.text, s.start, s.end)
    )
    said = [
        time.years
        for s, time in islice(times, _MAX_PERIODS)
        if _said_in_general(cut_.text, s, time, _EXPERIENCE if today else _IN_GENERAL)
    ]
    if said:
        return max(said)
    return years_of([p for p, _, _ in work_blocks(cut_, today)]) if today is not None else None


def _said_in_general(text: str, s: Segment, time: Said, after: str) -> bool:
    if _OWN_PRAISE.search(text[s.start : time.start]):
        return False
    line = text.rfind("\n", 0, s.start) + 1
    if _BEFORE_YEARS.search(text[line : time.start]):
        return True
    match = re.match(after, text[time.end : s.end], re.IGNORECASE)
    if match is None or "experience" in match.group().lower():
        return match is not None
    rest = text[time.end + match.end() : s.end]
    return not any(hit.start == 0 and hit.entry.kind == "tool" for hit in gazetteer().hits(rest[:60]))
