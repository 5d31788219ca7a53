"""A document cut up, once for all who read it."""

from dataclasses import dataclass

from .personal import find_personal
from .segment import Segment, segments_from_text
from .span import Span


@dataclass(frozen=True)
class Text:
    """A document's personal spans and its segments."""

    text: str
    personal: list[Span]
    segments: list[Segment]


def cut(text: str) -> Text:
    return Text(text, find_personal(text), segments_from_text(text))
