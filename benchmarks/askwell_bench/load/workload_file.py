"""Workload files: what is asked for, and the limits that an answer must keep to count as good.

kind = "sets"
concurrency = 4
[limits]
first_token_s = 4.0
end_to_end_s = 12.0
share = 0.95
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import workload as workloads
from .summary import Limits

_LENGTHS = {
    "fixed": ("prompt_tokens", "new_tokens"),
    "interviews": ("new_tokens",),
    "mixed": (),
    "sets": ("rows", "shared_tokens", "tail_tokens", "new_tokens"),
}


@dataclass(frozen=True, slots=True)
class WorkloadFile:
    """``concurrency`` requests at a time keep a server full. ``share`` of the requests must keep ``limits``
    for a rate to be sustained. ``lengths`` are those that ``kind`` takes."""

    name: str
    kind: str
    lengths: Mapping[str, int]
    concurrency: int
    limits: Limits
    share: float

    def work(self, vocabulary: workloads.Vocabulary, count: int, seed: int) -> Sequence[workloads.Work]:
        if self.kind == "sets":
            return workloads.sets(vocabulary, count, seed, **self.lengths)
        if self.kind == "interviews":
            return workloads.interviews(vocabulary, count, seed, **self.lengths)
        if self.kind == "mixed":
            return workloads.mixed(vocabulary, count, seed)
        return workloads.preamble(vocabulary, count, seed, shared_tokens=0, **self.lengths)

    def allowed(self, requests: int) -> int:
        """How many of so many requests may miss the limits."""
        return int(requests * (1 - self.share) + 1e-9)

    def facts(self) -> dict[str, Any]:
        """What a result tells of it."""
        told = asdict(self)
        return {**told, "lengths": dict(self.lengths)}


def read_workload(path: Path) -> WorkloadFile:
    """Raises OSError, or ValueError with one line that names the file and what is wrong."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        return _workload(path.stem, told)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not TOML: {error}") from None
    except ValueError as error:
        raise ValueError(f"{path} is no workload: {error}") from None


def _workload(name: str, told: dict[str, Any]) -> WorkloadFile:
    kind = told.pop("kind", None)
    if kind not in _LENGTHS:
        raise ValueError(f"kind must be one of {', '.join(_LENGTHS)}")
    lengths = {each: _whole(told, each) for each in _LENGTHS[kind]}
    concurrency = _whole(told, "concurrency")
    limits = told.pop("limits", None)
    if not isinstance(limits, dict):
        raise ValueError("it lacks the table [limits]")
    first_s, end_to_end_s = _seconds(limits, "first_token_s"), _seconds(limits, "end_to_end_s")
    share = limits.pop("share", 0.95)
    if isinstance(share, bool) or not isinstance(share, float) or not 0 < share <= 1:
        raise ValueError("share must be a number above 0, and 1.0 at most")
    if unknown := [*told, *limits]:
        raise ValueError(f"{unknown[0]!r} means nothing for the kind {kind!r}")
    return WorkloadFile(name, kind, lengths, concurrency, Limits(first_s, end_to_end_s), share)


def _whole(told: dict[str, Any], name: str) -> int:
    value = told.pop(name, None)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number from 1")
    return value


def _seconds(told: dict[str, Any], name: str) -> float:
    value = told.pop(name, None)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise ValueError(f"{name} must be seconds above 0")
    return float(value)
