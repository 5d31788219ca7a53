"""Quotes: exact pieces of a document that hold no personal data."""

import re

from .question import Evidence
from .segment import Segment
from .span import Span

MAX_QUOTE = 240
_EDGE = " \n\t,;:|•·-–—*_("
# What is left hanging where a name was cut off.
_HANGING = re.compile(
    r"(?:[ ,;]+(?:together|along|jointly|and|with|by|to|under|for|from|of|at|in|near|see|the|my|our|a))+"
    r"[ ,;]*$"
)


def quote_segment(text: str, segment: Segment, personal: list[Span]) -> Evidence | None:
    """The whole segment, or None when personal data stands in it or it is not of a quote's length."""
    if not 12 <= segment.end - segment.start <= MAX_QUOTE:
        return None
    if any(span.start < segment.end and segment.start < span.end for span in personal):
        return None
    return Evidence(text[segment.start : segment.end], segment.start, segment.end)


def quote_around(text: str, segment: Segment, start: int, end: int, personal: list[Span]) -> Evidence | None:
    """As much of the segment around ``text[start:end]`` as is free of personal data.

    None when the mention itself is personal data.
    """
    left, right = segment.start, segment.end
    for span in personal:
        if span.start < end and start < span.end:
            return None
        if span.end <= start:
            left = max(left, span.end)
        elif end <= span.start < right:
            right = span.start
            if hanging := _HANGING.search(text[end:right]):
                right = end + hanging.start()
    left, right = _shorten(text, left, right, start, end)
    while left < start and text[left] in _EDGE:
        left += 1
    while right > end and text[right - 1] in _EDGE:
        right -= 1
    return Evidence(text[left:right], left, right)


def quote_again(text: str, given: Evidence, personal: list[Span]) -> Evidence | None:
    """A quote that a caller gives back: where it stood, or where it stands in ``text`` now, which may have
    changed. None where it does not stand there, is too long for a quote, or holds personal data."""
    quote = given.quote
    same = text.startswith(quote, given.start)
    start = given.start if same else text.find(quote)
    end = start + len(quote)
    if not 0 < len(quote) <= MAX_QUOTE or start < 0:
        return None
    if any(span.start < end and start < span.end for span in personal):
        return None
    return Evidence(quote, start, end)


def _shorten(text: str, left: int, right: int, start: int, end: int) -> tuple[int, int]:
    """At most MAX_QUOTE characters that hold the mention, cut between words."""
    if right - left <= MAX_QUOTE:
        return left, right
    room = max(0, (MAX_QUOTE - (end - start)) // 2)
    low, high = max(left, start - room), min(right, end + room)
    if low > left:
        gap = re.search(r"\s", text[low:start])
        low = low + gap.end() if gap else start
    if high < right:
        cut = max(text.rfind(" ", end, high), text.rfind("\n", end, high))
        high = cut if cut >= end else end
    return low, high
