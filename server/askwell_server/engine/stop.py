"""Stop strings in text that arrives in pieces."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Certain:
    """Text that no stop string can still claim, and the stop string that ended it, if one did."""

    text: str
    stop: str = ""


class StopMatcher:
    """Finds the stop string that is completed first; of those completed together, the longest.

    The result does not depend on how the text is cut into pieces: the end of the text that may still grow
    into a stop string is held back until it does or cannot.
    """

    def __init__(self, stops: Sequence[str], *, include_stop: bool) -> None:
        self._stops = tuple(stops)
        self._include_stop = include_stop
        self._reach = max((len(stop) for stop in stops), default=0)
        self._held = ""

    def push(self, text: str) -> Certain:
        """More text. Once a stop string was found, push no more."""
        text = self._held + text
        found = [(start + len(stop), start, stop) for stop in self._stops if (start := text.find(stop)) >= 0]
        if found:
            end, start, stop = min(found)
            self._held = ""
            return Certain(text[: end if self._include_stop else start], stop)
        cut = self._held_from(text)
        self._held = text[cut:]
        return Certain(text[:cut])

    def flush(self) -> str:
        """The text held back; there is no more to come."""
        text, self._held = self._held, ""
        return text

    def _held_from(self, text: str) -> int:
        for start in range(max(0, len(text) - self._reach + 1), len(text)):
            tail = text[start:]
            if any(stop.startswith(tail) for stop in self._stops):
                return start
        return len(text)
