"""One part of the engine's benchmark: what it found, and whether it got to its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..result import Measure

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """``rows`` go into the result under ``key``; ``lines`` are for a person.

    ``left_out`` names what the time did not allow, ``stopped`` is what broke the measuring off.
    """

    key: str
    rows: Sequence[Row]
    lines: Sequence[str]
    measures: Sequence[Measure] = ()
    left_out: Sequence[str] = ()
    stopped: BaseException | None = None
