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
_NUMBER = r"(\d{1,2}(?:\.\d|½)?|½|half|" + "|".join(_WORDS) + r")"
_SAID = re.compile(
    rf"(?:\bbetween {_NUMBER} and |\b){_NUMBER}(?:\s*(?:-|–|—|to)\s*{_NUMBER})?\s*\+?\s*"
    r"(?:(?:or more|full|plus|a) )?(years?|yrs?|y|months?|mos)\b(?![ -]old|[ -]of[ -]age)"
    r"|\b(?:at least|about|over|nearly|almost|minimum of) a (year)\b",
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
        low = (match.group(1) or match.group(2) or "one").lower()
        value = _value(low)
        if (match.group(4) or match.group(5)).lower().startswith("mo"):
            value = round(value / 12, 1)
        if 0 < value <= 50:
            found.append(Said(value, match.start(), match.end()))
    return found


def _value(word: str) -> float:
    if word in _WORDS:
        return float(_WORDS[word])
    return 0.5 if word in ("half", "½") else float(word.replace("½", ".5"))


def years_about(
    text: str, start: int, end: int, hit: tuple[int, int], others: list[tuple[int, int]]
) -> float | None:
    """The years that a sentence ties to the skill at ``hit``; ``others``: where its other skills stand.

    "Python (5 years)" binds backwards, and first; "5 years of Python and SQL" binds forwards to the end of
    the clause or the next length of time, unless that time is an earlier skill's.
    """
    said = years_said(text, start, end)
    for time in said:
        if time.start >= hit[1] and (
            _owns(text, hit, time, others) or re.match(r" each\b", text[time.end : end])
        ):
            return time.years
        if len(said) == 1 and time.start >= hit[1] and _SPENT.search(text, hit[1], time.start):
            return time.years
    for index, time in enumerate(said):
        limit = said[index + 1].start if index + 1 < len(said) else end
        if not time.end <= hit[0] < limit:
            continue
        between = text[time.end : hit[0]]
        own = any(
            _owns(text, other, time, [hit, *others]) or _IN_BRACKETS.fullmatch(text, other[0], time.start)
            for other in others
            if other[1] <= time.start
        )
        if not own and not re.search(r"[;.]\s|\bbut\b|\bincluding\b", between):
            return time.years
    return None


# What may stand between a skill and its years.
_BACK = re.compile(
    r"\s*(?:(?:of |work )?experience\b)?\s*[(\[:,|·=–—-]?\s*(?:(?:for|over|about|at least|of|min(?:imum)?\.?|"
    r"more than|nearly|around)\s+)*",
    re.IGNORECASE,
)
_SPENT = re.compile(r"\b(?:for|over) (?:the (?:last|past) |about |nearly |almost )?$", re.IGNORECASE)


_IN_BRACKETS = re.compile(r"[^,;.]{1,40}\(\s*")
_OF = re.compile(r"['’]?\s+(?:of|in|with|using)\s+(?:\w+ ){0,2}")


def _owns(text: str, skill: tuple[int, int], time: Said, others: list[tuple[int, int]]) -> bool:
    """Whether a length of time right behind a skill is that skill's: "SAP 5 years, Excel" tells nothing of
    Excel. "Excel, 5 years of SAP" starts anew at its comma."""
    if _BACK.fullmatch(text, skill[1], time.start) is None:
        return False
    return not re.search(r"[,|·]", text[skill[1] : time.start]) or not any(
        _OF.fullmatch(text, time.end, other[0]) for other in others
    )


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
_SEASONS = {"spring": 2, "summer": 5, "autumn": 8, "fall": 8, "winter": 11}
_YEAR = r"(?:19|20)\d\d"
_POINT = (
    rf"(?:{_MONTH}\s*['’]\d\d|{_YEAR}[-/.](?:0[1-9]|1[0-2])(?!\d)|"
    rf"(?:{_MONTH}\s*,?\s*|(?:{'|'.join(_SEASONS)})\s+|(?:\d{{1,2}}[./])?\d{{1,2}}[./])?{_YEAR})"
)
_RANGE = re.compile(
    rf"\b(?P<first>{_POINT})\s*(?:-|–|—|→|to|until|till)\s*"
    rf"(?:(?P<last>{_POINT})|(?P<now>present|now|today|current(?:ly)?|date|ongoing))\b"
    rf"|\b(?P<short>{_YEAR})[-–/](?P<end>\d\d)\b(?![-–/.])"
    rf"|\bsince\s+(?P<since>{_POINT})",
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
        said = match.groupdict()
        first = _month(said["first"] or said["short"] or said["since"], end=False)
        if said["short"]:
            last = _month(said["short"][:2] + said["end"], end=True)
        else:
            last = _month(said["last"], end=True) if said["last"] else now
        last = min(last, now)
        if 0 < last - first <= 60 * 12:
            found.append(Period(first, last, match.start(), match.end()))
    return found


def _month(point: str, *, end: bool) -> int:
    """Months since year 0 at which a point in time begins, or ends if it names a month; a year counts from
    its January either way."""
    year = re.search(_YEAR, point)
    after = int(end)
    if word := re.match(r"[a-z]+", point, re.IGNORECASE):
        name = word.group().lower()
        month = _SEASONS[name] if name in _SEASONS else _MONTHS[name[:3]]
        number = int(year.group()) if year else 2000 + int(point[-2:]) - 100 * (int(point[-2:]) > 60)
        return number * 12 + month + after
    assert year is not None  # a point without a name has a year of four digits
    rest = re.findall(r"\d+", point[: year.start()] + point[year.end() :])
    if rest and 1 <= int(rest[-1]) <= 12:
        return int(year.group()) * 12 + int(rest[-1]) - 1 + after
    return int(year.group()) * 12


def years_of(periods: list[Period]) -> float | None:
    """The time that periods cover together, overlaps once, in years to one decimal."""
    months = 0
    reached = -1
    for period in sorted(periods, key=lambda p: (p.first, p.last)):
        months += max(0, period.last - max(period.first, reached))
        reached = max(reached, period.last)
    return round(months / 12, 1) if months else None
