"""One of two results to compare, and what the two must have in common."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..result import Measure

_CONDITIONS = (
    "cpu", "cores", "memory_gib", "isa", "versions", "python",
    "device", "compute_type", "threads", "workload", "workloads", "layers", "rows", "batches",
    "prompt_tokens", "new_tokens",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Side:
    """``name`` is the file's, or what else a reader knows the result by."""

    name: str
    told: Mapping[str, Any]
    measures: Mapping[str, Measure]

    @property
    def pairing(self) -> str | None:
        return self.told.get("pairing")

    @property
    def model(self) -> Mapping[str, Any]:
        found = self.told.get("model")
        return found if isinstance(found, Mapping) else {}

    @property
    def title(self) -> str:
        """What a reader wants to know beside the file's name."""
        facts = [self.told.get("date"), self.model.get("name"), self.model.get("quantization")]
        flags = self.told.get("server_flags")
        return ", ".join([self.name, *(str(fact) for fact in facts if fact), *([flags] if flags else [])])


def read_side(path: Path) -> Side:
    """Raises OSError, or ValueError for what is no result with measures."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # of the encoding as well
        raise ValueError(f"{path} is not JSON; name the file that a benchmark's --out wrote") from None
    if not isinstance(told, dict) or not isinstance(told.get("benchmark"), str):
        raise ValueError(f"{path} is no result of askwell-bench")
    return side_from_result(str(path), told)


def side_from_result(name: str, told: Mapping[str, Any]) -> Side:
    """Raises ValueError without measures, or with broken ones."""
    found = told.get("measures")
    if not found:
        hint = "; load measures in rounds with --against" if told["benchmark"] == "load" else ""
        raise ValueError(f"{name} holds no measures taken in rounds, so nothing can be compared{hint}")
    if not isinstance(found, Mapping):
        raise ValueError(f"{name} is broken: its measures have no names")
    return Side(name, told, {each: _measure(name, each, values) for each, values in found.items()})


def check_comparable(first: Side, second: Side) -> bool:
    """Whether the two took turns in one run. Raises ValueError when comparing them means nothing."""
    benchmarks = first.told["benchmark"], second.told["benchmark"]
    if benchmarks[0] != benchmarks[1]:
        raise ValueError(f"cannot compare {benchmarks[0]} with {benchmarks[1]}")
    took_turns = first.pairing is not None and first.pairing == second.pairing
    models = first.model.get("name"), second.model.get("name")
    if models[0] != models[1] and not took_turns:
        raise ValueError(f"cannot compare results of different models: {models[0]} and {models[1]}")
    if not first.measures.keys() & second.measures.keys():
        raise ValueError("the results have no measure in common")
    return took_turns


def differences(first: Side, second: Side) -> list[str]:
    """What a reader must know before believing the comparison, a line each."""
    lines = [
        f"{side.name} is partial: {side.told.get('stopped') or 'it ended early'}"
        for side in (first, second)
        if side.told.get("partial")
    ]
    for condition in _CONDITIONS:
        values = first.told.get(condition), second.told.get(condition)
        if values[0] != values[1]:
            lines.append(f"not the same {condition}: " + " against ".join(_differing(*values)))
    for fact in ("name", "sha256"):
        names = [str(side.model.get(fact)) for side in (first, second)]
        if names[0] != names[1]:
            told = " against ".join(name[:12] if fact == "sha256" else name for name in names)
            lines.append(f"not the same model {fact}: {told}")
    return lines


def _differing(first: Any, second: Any) -> list[str]:
    """Of two mappings only what differs."""
    if not (isinstance(first, Mapping) and isinstance(second, Mapping)):
        return [str(first), str(second)]
    keys = [key for key in {**first, **second} if first.get(key) != second.get(key)]
    return [", ".join(f"{key} {each.get(key)}" for key in keys) for each in (first, second)]


def _measure(owner: str, name: str, found: Any) -> Measure:
    broken = ValueError(f"{owner} is broken: its measure {name} is not a list of numbers with its unit")
    if not isinstance(found, Mapping) or found.get("better") not in ("higher", "lower"):
        raise broken
    values, unit, relative = found.get("values"), found.get("unit"), found.get("relative", False)
    if not isinstance(unit, str) or not isinstance(relative, bool):
        raise broken
    if not isinstance(values, list | tuple) or not values or not all(map(_is_number, values)):
        raise broken
    return Measure(name, unit, found["better"], tuple(float(value) for value in values), relative)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
