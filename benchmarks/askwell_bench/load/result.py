"""The results of a load run: figures, records and plots, and the files they are kept in."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from askwell_client import ModelInfo

from ..plot import plot_latencies, plot_saturation
from ..result import result, rounded, write_result, write_whole
from .level import Level
from .record import Record
from .summary import Summary


@dataclass(frozen=True, slots=True)
class LevelResult:
    level: Level
    summary: Summary
    records: list[Record]


@dataclass(slots=True)
class LoadResult:
    """Grows level by level. ``stopped``: why it ended early. ``server_flags``: None for a foreign server."""

    model: ModelInfo
    workload: dict[str, Any]
    server_flags: str | None
    levels: list[LevelResult] = field(default_factory=list)
    stopped: str | None = None

    @property
    def piece(self) -> str:
        return "question" if self.workload["name"] == "questions" else "token"

    @property
    def whole(self) -> bool:
        """Nothing is missing, and nothing is the generator's own slowness."""
        return self.stopped is None and not any(each.summary.invalid for each in self.levels)

    def figures(self) -> dict[str, Any]:
        return {
            "model": self.model.to_dict(),
            "server_flags": self.server_flags,
            "workload": self.workload,
            "partial": self.stopped is not None,
            "stopped": self.stopped,
            "levels": [
                {"label": each.level.label, **asdict(each.level), "invalid": each.summary.invalid}
                | rounded(asdict(each.summary))
                for each in self.levels
            ],
        }

    def write(self, folder: Path) -> None:
        """Figures, records and plots. An earlier run of the same workload and loop is replaced."""
        name = f"load-{self.workload['name']}-{self.workload['loop']}"
        write_result(folder / f"{name}.json", result("load", self.figures()))
        lines = [line for each in self.levels for line in _lines(each)]
        write_whole(folder / f"{name}.records.jsonl", "".join(lines))
        self._plot(folder, name)

    def _plot(self, folder: Path, name: str) -> None:
        spreads = [each.summary.end_to_end_s for each in self.levels]
        percentile = "p99" if all(spread.p99 is not None for spread in spreads) else "p90"
        points = [
            (each.level.label, each.summary.tokens_per_s, time_s)
            for each in self.levels
            if (time_s := getattr(each.summary.end_to_end_s, percentile)) is not None
        ]
        title = f"{self.model.name}, {self.model.compute_type}, {self.workload['name']}"
        if points:
            plot_saturation(folder / f"{name}-saturation.svg", title, percentile, points)
        good = {each.level.label: [r for r in each.records if r.ok] for each in self.levels}
        if any(good.values()):
            panels = {
                f"first {self.piece}": {
                    label: [r.first_s for r in records if r.first_s is not None]
                    for label, records in good.items()
                },
                "end to end": {label: [r.end_to_end_s for r in records] for label, records in good.items()},
            }
            plot_latencies(folder / f"{name}-latency.svg", title, panels)


def _lines(result: LevelResult) -> list[str]:
    """Records as JSON lines; times are seconds after the level's first request was due."""
    start_s = min(record.scheduled_s for record in result.records)
    lines = []
    for record in result.records:
        times = {name: getattr(record, name) - start_s for name in ("scheduled_s", "sent_s", "end_s")}
        arrivals_s = [time_s - start_s for time_s in record.arrivals_s]
        told = asdict(record) | times | {"arrivals_s": arrivals_s}
        line = json.dumps({"level": result.level.label} | rounded(told), separators=(",", ":"))
        lines.append(line + "\n")
    return lines
