"""A question without its opening: what is left is the question's own.

Ours begin with openings that are shared by design, and so do the bank's and the founding prompt's, so
likeness counted over whole texts counts openings above all.
"""

import re
from collections.abc import Iterable

_LEAST_LETTERS = 4  # of a topic that is found whatever its letters' case


def without_opening(text: str, topics: Iterable[str]) -> str:
    """From the first of the topics that the text names to its end; the whole text where it names none."""
    found = [match.start() for topic in topics if topic and (match := _named(topic, text))]
    return text[min(found, default=0) :]


def _named(topic: str, text: str) -> re.Match[str] | None:
    """Go the language is no "go" of everyday."""
    case = re.IGNORECASE if len(topic) >= _LEAST_LETTERS else re.NOFLAG
    return re.search(rf"(?<!\w){re.escape(topic)}(?!\w)", text, case)
