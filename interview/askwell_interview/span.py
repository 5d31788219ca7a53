"""Stretches of text by their offsets."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """``text[start:end]`` holds personal data of this kind: "email", "phone", "name", "address" …"""

    start: int
    end: int
    kind: str


def merge(spans: list[Span]) -> list[Span]:
    """The spans in order, those that overlap joined into one of the first one's kind."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if span.start >= span.end:
            continue
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = Span(last.start, max(last.end, span.end), last.kind)
        else:
            merged.append(span)
    return merged


def touches(spans: list[Span], start: int, end: int) -> bool:
    """Whether any span overlaps ``text[start:end]``."""
    return any(span.start < end and start < span.end for span in spans)
