"""A recorded trace of requests: JSON lines such as {"at_s": 0.25, "prompt_tokens": 120, "new_tokens": 64}."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

_TOLD = 5
"""Broken lines that are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One recorded request, ``at_s`` seconds after the first."""

    at_s: float
    prompt_tokens: int
    new_tokens: int


def read_trace(path: Path, positions: int) -> list[TraceEntry]:
    """The entries in the order of their times, for a model of so many positions. Empty lines are skipped.

    Raises ValueError that names the broken lines: half a trace would be another workload.
    """
    entries, broken = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entries.append(_entry(line, positions))
        except ValueError as error:
            broken.append(f"line {number}: {error}")
    if broken:
        more = f"; and {len(broken) - _TOLD} more" if len(broken) > _TOLD else ""
        raise ValueError(f"{path} is not a trace: {'; '.join(broken[:_TOLD])}{more}")
    if not entries:
        raise ValueError(f"{path} holds no requests")
    entries.sort(key=lambda entry: entry.at_s)
    start = entries[0].at_s
    return [TraceEntry(entry.at_s - start, entry.prompt_tokens, entry.new_tokens) for entry in entries]


def _entry(line: str, positions: int) -> TraceEntry:
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        raise ValueError("not JSON") from None
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    at_s, prompt, new = found.get("at_s"), found.get("prompt_tokens"), found.get("new_tokens")
    if isinstance(at_s, bool) or not isinstance(at_s, int | float) or not 0 <= at_s < math.inf:
        raise ValueError("at_s is not a number of seconds from 0")
    for name, value in (("prompt_tokens", prompt), ("new_tokens", new)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is not a whole number from 1")
    assert isinstance(prompt, int) and isinstance(new, int)
    if prompt + new > positions:
        raise ValueError(f"{prompt} + {new} tokens exceed the model's {positions} positions")
    return TraceEntry(float(at_s), prompt, new)
