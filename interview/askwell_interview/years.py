"""Years of experience: as a sentence says them, and as dates add up to."""

import re
from dataclasses import dataclass
from datetime import date

_WORDS = {
    w: n
    for n, w in enumerate(
        re.findall(
            r"\S+",
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen",
        )
    )
}
_NUMBER = r"(\d{1,2}(?:\.\d)?|" + "|".join(_WORDS) + r")"
_SAID = re.compile(
    rf"\b{_NUMBER}(?:\s*(?:-|–|—|to)\s*{_NUMBER})?\s*\+?\s*(?:or more |full |plus )?(years?|yrs?|"
    rf"months?)\b(?![ -]old)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Said:
    """``text[start:end]`` names a length of time; of a range, the lower end. In years."""

    years: float
    start: int
    end: int


def years_said(text: str, start: int, end: int) -> list[Said]:
    """Lengths of time named in ``text[start:end]``; what no working life holds is left out."""
    found = []
    for match in _SAID.finditer(text, start, end):
        low = match.group(1).lower()
        value = float(_WORDS.get(low, -1)) if low in _WORDS else float(low)
        if match.group(3).lower().startswith("month"):
            value = round(value / 12, 1)
        if 0 < value <= 50:
            found.append(Said(value, match.start(), match.end()))
    return found


def years_about(text: str, start: int, end: int, hit: tuple[int, int], others: list[int]) -> float | None:
    """The years that a sentence ties to the skill at ``hit``; ``others`` are where its skills begin.

    "Python (5 years)" binds backwards; "5 years of Python and SQL" binds forwards to the end of the clause
    or the next length of time.
    """
    said = years_said(text, start, end)
    for index, time in enumerate(said):
        if time.start >= hit[1] and re.fullmatch(
            r"\s*[(:,–—-]?\s*(?:for |over |about |at least )?", text[hit[1] : time.start]
        ):
            return time.years
        if len(said) == 1 and time.start >= hit[1] and _SPENT.search(text, hit[1], time.start):
            return time.years
        limit = said[index + 1].start if index + 1 < len(said) else end
        between = text[time.end : hit[0]]
        own = any(time.start > other and _closes(text[other : time.start]) for other in others)
        if time.end <= hit[0] < limit and not own and not re.search(r"[;.]\s|\bbut\b|\bincluding\b", between):
            return time.years
    return None


_SPENT = re.compile(r"\b(?:for|over) (?:the (?:last|past) |about |nearly |almost )?$", re.IGNORECASE)


def _closes(text: str) -> bool:
    """Whether a length of time right behind a skill is in brackets or set off, so that it is that skill's."""
    return re.fullmatch(r"[^,;.]{1,40}\(\s*", text) is not None


_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_MONTHS = {
    m: n
    for n, m in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    )
}
_DATE = rf"(?:({_MONTH})\s*,?\s*|(\d{{1,2}})[./])?((?:19|20)\d\d)"
_RANGE = re.compile(
    rf"\b{_DATE}\s*(?:-|–|—|to|until|till)\s*(?:{_DATE}|(present|now|today|current(?:ly)?|date|ongoing))\b"
    rf"|\bsince\s+{_DATE}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of work, in months since year 0, the end not included, and where it is written."""

    first: int
    last: int
    start: int
    end: int


def periods_from_text(text: str, today: date) -> list[Period]:
    """Date ranges in order. "2015-2017" counts two years; the months, where given, count in full."""
    now = today.year * 12 + today.month
    found = []
    for match in _RANGE.finditer(text):
        groups = match.groups()
        if groups[9] is not None:
            first, last = _month(*groups[7:10], end=False), now
        else:
            first = _month(*groups[0:3], end=False)
            last = now if groups[6] else _month(*groups[3:6], end=True)
        last = min(last, now)
        if 0 < last - first <= 60 * 12:
            found.append(Period(first, last, match.start(), match.end()))
    return found


def _month(name: str | None, number: str | None, year: str, *, end: bool) -> int:
    if name:
        return int(year) * 12 + _MONTHS[name[:3].lower()] + (1 if end else 0)
    if number and 1 <= int(number) <= 12:
        return int(year) * 12 + int(number) - 1 + (1 if end else 0)
    return int(year) * 12


def years_of(periods: list[Period]) -> float | None:
    """The time that periods cover together, overlaps once, in years to one decimal."""
    months = 0
    reached = -1
    for period in sorted(periods, key=lambda p: (p.first, p.last)):
        months += max(0, period.last - max(period.first, reached))
        reached = max(reached, period.last)
    return round(months / 12, 1) if months else None
