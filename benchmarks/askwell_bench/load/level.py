"""How hard a load run presses: one level of a sweep."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Level:
    """``value`` is requests at a time (closed), requests a second (open), or all of a trace."""

    loop: Literal["closed", "open", "trace"]
    value: float
    burstiness: float | None = None

    @property
    def label(self) -> str:
        if self.loop == "closed":
            return f"{self.value:g} at a time"
        if self.loop == "trace":
            return f"trace of {self.value:g} requests"
        bursts = "" if self.burstiness == 1 else f", burstiness {self.burstiness:g}"
        return f"{self.value:g}/s{bursts}"


def levels_from_text(text: str, loop: Literal["closed", "open"], burstiness: float) -> list[Level]:
    """Reads "1,2,4". Raises ValueError for what is no positive number, or no whole one at a time."""
    noun = "whole numbers from 1" if loop == "closed" else "rates above 0"
    try:
        values = [int(part) if loop == "closed" else float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if not values or not all(0 < value < 1e6 for value in values):
        raise ValueError(f"{text!r} is not a list of {noun}, such as 1,2,4")
    return [Level(loop, value, None if loop == "closed" else burstiness) for value in values]
