"""The files that the benchmarks left, read so that one that lacks a figure costs a dash and not the page."""

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Result:
    """``name`` is the file's, without ``.json``."""

    name: str
    figures: Mapping[str, Any]

    def get(self, *keys: str) -> Any:
        """What stands under the keys, one inside the other. None where it is missing or null."""
        return dig(self.figures, *keys)

    def number(self, *keys: str) -> float | None:
        return as_number(self.get(*keys))

    def rows(self, *keys: str) -> list[Mapping[str, Any]]:
        """A list of objects; empty where it is missing."""
        return objects(self.get(*keys))

    def object(self, *keys: str) -> Mapping[str, Any]:
        return as_object(self.get(*keys))

    @property
    def partial(self) -> bool:
        return bool(self.get("partial"))

    @property
    def failed(self) -> str | None:
        """Why nothing was measured. (An object under the same key tells which parts failed beside others.)"""
        reason = self.get("failed")
        return reason if isinstance(reason, str) else None


class Results:
    """The results in a folder, each by its file's name."""

    def __init__(self, folder: Path) -> None:
        """Raises ValueError for a file that is no JSON object, OSError for what cannot be read."""
        if not folder.is_dir():
            raise ValueError(f"{folder} is no folder of results; make bench-full fills benchmarks/results")
        self.folder = folder
        paths = sorted(folder.glob("*.json"), key=lambda path: _natural(path.stem))
        self.all = [Result(path.stem, _read(path)) for path in paths]

    def one(self, name: str) -> Result | None:
        return next((each for each in self.all if each.name == name), None)

    def like(self, beginning: str) -> list[Result]:
        """Those whose name begins so: 2 before 10."""
        return [each for each in self.all if each.name.startswith(beginning)]


def dig(value: Any, *keys: str) -> Any:
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def as_number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def as_object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def objects(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def numbers(value: Any) -> list[float]:
    """The numbers of a list, or a single one as a list."""
    found = [as_number(each) for each in (value if isinstance(value, list) else [value])]
    return [each for each in found if each is not None]


def median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _read(path: Path) -> Mapping[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); measure it again, or remove it") from error
    if not isinstance(told, dict):
        raise ValueError(f"{path} is no result: a benchmark writes a JSON object")
    return told


def _natural(name: str) -> list[tuple[int, str]]:
    """So that 2 comes before 10."""
    parts: list[str] = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
