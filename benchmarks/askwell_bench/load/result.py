"""The results of a load run: figures, records and plots, and the files they are kept in."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from askwell_client import ModelInfo

from ..plot import plot_latencies, plot_saturation
from ..result import Measure, result, rounded, write_result, write_whole
from .level import Level
from .record import Record
from .summary import Summary


@dataclass(frozen=True, slots=True)
class LevelResult:
    """``label`` is the level's, and in pairs the round's."""

    level: Level
    summary: Summary
    records: list[Record]
    label: str


@dataclass(slots=True)
class LoadResult:
    """Grows level by level, or in pairs round by round. ``stopped``: why it ended early.

    ``server_flags``: None for a foreign server. ``side``, ``pairing`` and ``measures`` are of pairs.
    """

    model: ModelInfo
    workload: dict[str, Any]
    server_flags: str | None
    levels: list[LevelResult] = field(default_factory=list)
    stopped: str | None = None
    side: Literal["a", "b"] | None = None
    pairing: str | None = None
    measures: list[Measure] = field(default_factory=list)

    @property
    def family(self) -> str:
        """What the files of this run, and of its other side, are named after."""
        name = f"load-{self.workload['name']}-{self.workload['loop']}"
        burstiness = self.workload.get("burstiness", 1)
        return name if burstiness == 1 else f"{name}-burstiness-{burstiness:g}"

    @property
    def name(self) -> str:
        return f"{self.family}-{self.side}" if self.side else self.family

    @property
    def piece(self) -> str:
        return {"questions": "question", "sets": "row"}.get(self.workload["name"], "token")

    @property
    def title(self) -> str:
        return f"{self.model.name}, {self.model.compute_type}, {self.workload['name']}"

    @property
    def whole(self) -> bool:
        """Nothing is missing, and nothing is the generator's own slowness."""
        return self.stopped is None and not any(each.summary.invalid for each in self.levels)

    @property
    def good(self) -> dict[str, list[Record]]:
        """The records that ended OK, by label."""
        return {each.label: [record for record in each.records if record.ok] for each in self.levels}

    def told(self) -> dict[str, Any]:
        return result("load", self.figures(), self.measures, self.pairing)

    def figures(self) -> dict[str, Any]:
        return {
            "model": self.model.to_dict(),
            "server_flags": self.server_flags,
            "workload": self.workload,
            "partial": self.stopped is not None,
            "stopped": self.stopped,
            "levels": [
                asdict(each.level)
                | {"label": each.label, "invalid": each.summary.invalid}
                | rounded(asdict(each.summary))
                for each in self.levels
            ],
        }

    def write(self, folder: Path) -> None:
        """Figures, records and plots. They replace those of an earlier run of the same name."""
        write_result(folder / f"{self.name}.json", self.told())
        lines = [line for each in self.levels for line in _lines(each)]
        write_whole(folder / f"{self.name}.records.jsonl", "".join(lines))
        if not self.side:
            self._plot(folder)

    def _plot(self, folder: Path) -> None:
        spreads = [each.summary.end_to_end_s for each in self.levels]
        percentile = "p99" if all(spread.p99 is not None for spread in spreads) else "p90"
        points = [
            (each.label, each.summary.tokens_per_s, time_s)
            for each in self.levels
            if (time_s := getattr(each.summary.end_to_end_s, percentile)) is not None
        ]
        if points:
            plot_saturation(folder / f"{self.name}-saturation.svg", self.title, percentile, points)
        _plot_latencies(folder / f"{self.name}-latency.svg", self, self.good)


def plot_pair(folder: Path, first: LoadResult, second: LoadResult) -> None:
    """The latencies of both sides, all rounds together."""
    lines = {
        f"{side.side}: {side.server_flags or 'no flags'}": [r for good in side.good.values() for r in good]
        for side in (first, second)
    }
    _plot_latencies(folder / f"{first.family}-pairs-latency.svg", first, lines)


def _plot_latencies(path: Path, run: LoadResult, lines: Mapping[str, list[Record]]) -> None:
    if not any(lines.values()):
        return
    first = {label: [r.first_s for r in good if r.first_s is not None] for label, good in lines.items()}
    end_to_end = {label: [r.end_to_end_s for r in good] for label, good in lines.items()}
    plot_latencies(
        path,
        run.title,
        {f"first {'token' if run.piece == 'row' else run.piece}": first, "end to end": end_to_end},
    )


def _lines(result: LevelResult) -> list[str]:
    """Records as JSON lines; times are seconds after the level's first request was due."""
    start_s = min(record.scheduled_s for record in result.records)
    lines = []
    for record in result.records:
        times = {name: getattr(record, name) - start_s for name in ("scheduled_s", "sent_s", "end_s")}
        arrivals_s = [time_s - start_s for time_s in record.arrivals_s]
        told = asdict(record) | times | {"arrivals_s": arrivals_s}
        line = json.dumps({"level": result.label} | rounded(told), separators=(",", ":"))
        lines.append(line + "\n")
    return lines
