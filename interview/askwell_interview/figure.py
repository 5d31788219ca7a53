"""Figures: numbers in what a candidate says to have achieved, and what they count."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .question import Evidence
from .skill import gazetteer


@dataclass(frozen=True, slots=True)
class Figure:
    """``text`` stands at [start, end) of the résumé, its currency or percent sign included. ``unit``: the
    sign, or the word that follows; "" where neither tells."""

    text: str
    start: int
    end: int
    unit: str


_NUMBER = re.compile(
    r"(?<![\w.,'’/-])(?P<money>[£$€¥]|(?:USD|EUR|GBP|CHF|CNY)\s)?"
    r"(?P<number>\d{1,3}(?:[, ]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|"
    r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|a (?:third|quarter|dozen))"
    r"(?:\s?(?P<scale>k|m|bn|million|billion|thousand)\b)?(?:\s?(?P<percent>%|per ?cent\b))?"
    r"(?![\w/])(?!\.\d)",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"[ -](?:(?:new|other|more|different|junior|senior|large|small|full|of the|of|a)[ -])?([a-z]{3,})\b"
)
_NO_UNIT = frozenset(
    re.findall(r"\S+", "and the per with for from into over under that than each times more less fewer its")
)


def figures(achievements: Iterable[Evidence]) -> tuple[Figure, ...]:
    """In the order of the text. Years, and numbers in names such as "ISO 9001", are none."""
    return tuple(figure for deed in achievements for figure in _figures(deed))


def _figures(deed: Evidence) -> Iterable[Figure]:
    names = gazetteer().hits(deed.quote)
    for match in _NUMBER.finditer(deed.quote):
        start, end = match.span()
        if any(hit.start < end and start < hit.end for hit in names):
            continue
        bare = not (match["money"] or match["scale"] or match["percent"])
        if bare and re.fullmatch(r"(?:19|20)\d\d", match.group()):
            continue
        if re.search(r"\b[A-Z]{2,}[ -]$", deed.quote[:start]):
            continue  # "ISO 9001", "EN 1090"
        yield Figure(match.group(), deed.start + start, deed.start + end, _unit(match, deed.quote[end:]))


def _unit(match: re.Match[str], rest: str) -> str:
    if match["percent"]:
        return "%"
    if match["money"]:
        return match["money"].strip()
    counted = _COUNTED.match(rest)
    return counted[1] if counted and counted[1] not in _NO_UNIT else ""
