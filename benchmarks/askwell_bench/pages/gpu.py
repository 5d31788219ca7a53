"""What the stages on an NVIDIA GPU found: each file as it is, its lists as tables."""

from collections.abc import Iterator, Mapping
from typing import Any

from .markdown import NONE, number, table, text
from .section import Section
from .source import Result, Results, as_number, numbers, objects

COMMAND = "benchmarks/gpu/run.sh"
_FIDELITY = "gptj-gpu-fidelity-cuda"
_SURROUNDINGS = {
    "benchmark", "date", "cpu", "cores", "memory_gib", "load_average", "isa", "versions", "python",
    "measures", "stage", "device", "partial",
}  # fmt: skip


def gpu_section(results: Results) -> Section:
    """No speed before what the card does to a model's mind."""
    found = sorted(
        (each for each in results.like("gptj-") if each.name.endswith("-cuda")),
        key=lambda each: each.name != _FIDELITY,
    )
    return Section(COMMAND, found, {"stages": "\n\n".join(map(_stage, found))})


def _stage(result: Result) -> str:
    """Lists of figures as tables, the rest as a list."""
    if result.failed:
        return f"### {result.name}\n\nFailed: {result.failed}"
    figures = {key: _by_row(value) for key, value in result.figures.items() if key not in _SURROUNDINGS}
    lines, tables = [], []
    for name, value in _leaves(figures):
        rows = [dict(_leaves(row)) for row in objects(value)]
        header = list(dict.fromkeys(key for row in rows for key in row))
        if header:
            cells = [[_plain(row.get(key)) for key in header] for row in rows]
            tables.append(table([f"{name}: {header[0]}".removesuffix(": "), *header[1:]], cells))
        else:
            lines.append(f"- {name}: {_plain(value)}")
    return "\n\n".join(part for part in (f"### {result.name}", "\n".join(lines), *tables) if part)


def _by_row(value: Any) -> Any:
    """Groups of figures under names, as a list of rows that begin with the name; the rest as it is."""
    if isinstance(value, Mapping) and value and all(_is_group(each) for each in value.values()):
        return [{"": name, **group} for name, group in value.items()]
    return value


def _leaves(group: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Any]]:
    """Every figure of a group and of the groups in it; variables of an environment keep their spelling."""
    for key, value in group.items():
        told = f"{name} {key if key.isupper() else key.replace('_', ' ')}".strip()
        if _is_group(value):
            yield from _leaves(value, told)
        else:
            yield told, value


def _is_group(value: Any) -> bool:
    """A spread is one figure."""
    return isinstance(value, Mapping) and "median" not in value


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return _spread(value)
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or NONE
    return number(value) if isinstance(value, float) else text(value)


def _spread(told: Mapping[str, Any]) -> str:
    """The median, and the quartiles in brackets."""
    middle = number(as_number(told.get("median")))
    quartiles = [number(each) for each in numbers(told.get("quartiles"))]
    return f"{middle} ({' to '.join(quartiles)})" if quartiles else middle
