"""What the engine's benchmark has found so far: printed, and with --out written section by section."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..result import Measure, result, write_result
from .section import Section


class Stopped(Exception):
    """A section broke off; what it found is kept, and why it did stands in ``__cause__``."""


@dataclass(slots=True)
class Report:
    """Lets nothing be lost: the file is whole after each section, and partial until the last."""

    benchmark: str
    out: Path | None
    figures: dict[str, Any]
    measures: list[Measure] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.figures |= {"left_out": [], "partial": True}

    def take(self, title: str, section: Section) -> Section:
        """Print and keep. Raises Stopped when the section did not get to its end."""
        print(title)
        for line in (*section.lines, *(f"  not measured: {point}" for point in section.left_out)):
            print(line, flush=True)
        self.figures["left_out"] += section.left_out
        if section.key:
            self.figures[section.key] = list(section.rows)
        self.measures += section.measures
        self.keep()
        if section.stopped:
            raise Stopped from section.stopped
        return section

    def tell(self, lines: Sequence[str], figures: dict[str, Any]) -> None:
        """What is no section."""
        for line in lines:
            print(line, flush=True)
        self.figures |= figures

    def keep(self) -> None:
        if self.out:
            write_result(
                self.out / f"{self.benchmark}.json", result(self.benchmark, self.figures, self.measures)
            )
