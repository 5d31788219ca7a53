"""Where and when results were measured: once for what they share, then only what differs."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .markdown import NONE, number, table, text
from .source import Result, as_number

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Machine:
    cpu: str
    cores: int

    def __str__(self) -> str:
        return f"{self.cores} logical CPUs, {self.cpu}"

    @property
    def briefly(self) -> str:
        """For the README: the maker, and what int8 needs to know."""
        name = re.sub(r"\((R|TM|tm)\)|\bProcessor\b|\(.*\)$", "", self.cpu)
        vnni = ", with VNNI" if "vnni" in self.cpu else ", without VNNI" if "avx2" in self.cpu else ""
        return f"{self.cores} logical CPUs ({' '.join(name.split())}{vnni})"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What most of the results share."""

    machine: Machine | None
    memory_gib: float | None
    versions: tuple[tuple[str, str], ...]
    dates: tuple[str, ...]

    def __str__(self) -> str:
        memory = f", {number(self.memory_gib, 2)} GiB of memory" if self.memory_gib else ""
        return f"{self.machine or 'an unknown machine'}{memory}; {told_versions(self.versions)}"

    @property
    def when(self) -> str:
        return " to ".join(sorted({self.dates[0], self.dates[-1]})) if self.dates else "no day yet"

    def differing(self, result: Result) -> list[str]:
        """What is not as everywhere."""
        other = []
        machine, versions = machine_of(result), versions_of(result)
        if machine and machine != self.machine:
            other.append(f"on {machine}")
        usual = dict(self.versions)
        changed = tuple(pair for pair in versions if usual.get(pair[0], pair[1]) != pair[1])
        return other + ([told_versions(changed)] if changed else [])


def surroundings(results: Sequence[Result]) -> Surroundings:
    machines = [machine for each in results if (machine := machine_of(each))]
    memories = [memory for each in results if (memory := each.number("memory_gib"))]
    versions = [found for each in results if (found := versions_of(each))]
    dates = sorted({date for each in results if isinstance(date := each.get("date"), str)})
    return Surroundings(_most(machines), _most(memories), _most(versions) or (), tuple(dates))


def machine_of(result: Result) -> Machine | None:
    cpu, cores = result.get("cpu"), result.get("cores")
    return Machine(cpu, cores) if isinstance(cpu, str) and isinstance(cores, int) else None


def versions_of(result: Result) -> tuple[tuple[str, str], ...]:
    """Askwell's own and its engine's; a peer's stands in its row."""
    found = {**result.object("versions"), "Python": result.get("python")}
    return tuple(
        (name, str(found[name]))
        for name in ("askwell", "ctranslate2", "grpcio", "Python")
        if found.get(name) is not None
    )


def told_versions(versions: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions) or "versions unknown"


def provenance(results: Sequence[Result]) -> str:
    """Every file, when it was measured, on what and with which weights."""
    rows = []
    for each in results:
        model = each.get("model")
        machine = machine_of(each)
        load = as_number(each.get("load_average"))
        rows.append(
            [
                each.name,
                text(each.get("date")),
                text(machine.briefly if machine else None),
                emulated(each) or NONE,
                model_name(model) or NONE,
                text(each.get("threads")),
                NONE if load is None else f"{load:.2f}",
                "failed" if each.failed else "partial" if each.partial else NONE,
            ]
        )
    header = [
        "file", "date", "machine", "limited to", "model", "threads", "load average at its end", "state",
    ]  # fmt: skip
    return table(header, rows)


def emulated(result: Result) -> str:
    """The variables that made ctranslate2 compute as on a lesser CPU."""
    return " ".join(f"{name}={value}" for name, value in sorted(result.object("isa").items()))


def model_name(model: object) -> str:
    """The name, the quantization and the weight range of ``model_facts``, or what the file calls it."""
    if isinstance(model, str):
        return model
    if not isinstance(model, dict):
        return ""
    kind, weight_range = model.get("quantization"), model.get("weight_range")
    told = [model.get("name"), kind, f"±{weight_range}" if weight_range and "int8" in str(kind) else None]
    return ", ".join(str(part) for part in told if part)


def _most(values: Sequence[_T]) -> _T | None:
    """The commonest; of equals the first."""
    return Counter(values).most_common(1)[0][0] if values else None
