"""What an interview is for."""

from enum import Enum


class Mode(Enum):
    """Names and numbers are those of ``askwell.v1.Mode``."""

    STRUCTURED = 1
    """The core first, the same for every candidate, then probes. Made for comparing candidates."""
    MIXED = 2
    """Half core, half probes, in one order from easy to hard."""
    MOCK = 3
    """For a candidate who practises: what STRUCTURED asks, in one order from easy to hard."""
    BANK = 4
    """For a department: core questions only, from the job alone, and its profession's own among them."""

    @property
    def one_ladder(self) -> bool:
        """Whether core and probes are asked in one order of difficulty, not the core first."""
        return self in (Mode.MIXED, Mode.MOCK)


def core_count(count: int, mode: Mode = Mode.STRUCTURED) -> int:
    """How many of ``count`` questions are the same for every candidate.

    Half of them in MIXED, all in BANK; else about a third, two from four on.
    """
    if mode is Mode.BANK:
        return count
    if mode is Mode.MIXED:
        return count // 2
    return max(2, round(count / 3)) if count >= 4 else min(1, count - 1)
