"""Which plots the results give. Each file ends with a digest of its figures, to see drift without drawing."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import plot
from .gptj import size
from .markdown import counted
from .peer import compared, peers, workloads
from .serving import load_results, load_title
from .source import Result, Results, as_number, dig, objects

Point = tuple[float, float]

_MARK = "<!-- figures: "


@dataclass(frozen=True, slots=True)
class Drawing:
    """``function(path, *arguments)`` draws it."""

    name: str
    function: Callable[..., None]
    arguments: tuple[Any, ...]

    def path(self, folder: Path) -> Path:
        return folder / f"{self.name}.svg"

    def draw(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = self.path(folder)
        self.function(path, *self.arguments)
        drawn = "\n".join(line.rstrip() for line in path.read_text(encoding="utf-8").splitlines())
        path.write_text(f"{drawn}\n{self._mark}", encoding="utf-8")

    def is_current(self, folder: Path) -> bool:
        """The bytes of a plot depend on matplotlib's version; what it shows does not."""
        path = self.path(folder)
        return path.is_file() and path.read_text(encoding="utf-8").endswith(self._mark)

    @property
    def _mark(self) -> str:
        told = json.dumps([self.name, self.arguments], sort_keys=True)
        return f"{_MARK}{hashlib.sha256(told.encode()).hexdigest()[:16]} -->\n"


def is_drawn(path: Path) -> bool:
    """Whether the report drew it."""
    return path.read_text(encoding="utf-8").rpartition("\n")[0].rpartition("\n")[2].startswith(_MARK)


def drawings(results: Results) -> list[Drawing]:
    found = (
        _peers(results.one("peers")),
        _steps(results.one("engine")),
        _gptj(results.one("gptj-decode-cpu")),
        *map(_saturation, load_results(results)),
    )
    return [each for each in found if each is not None]


def _peers(result: Result | None) -> Drawing | None:
    if result is None:
        return None
    panels: dict[str, list[tuple[str, float, float | None]]] = {}
    for workload in workloads(result):
        bars = [
            (each.label, ratio, each.perplexity)
            for each in peers(result)
            if not each.absent and each.run(workload)
            if (ratio := each.ratio(workload) or (1.0 if each.ours else None)) is not None
        ]
        if len(bars) > 1:
            panels[compared(result, workload)] = bars
    return Drawing("peers", plot.plot_peers, (panels,)) if panels else None


def _steps(result: Result | None) -> Drawing | None:
    """Points as measured; the cost model, where there is one, as its straight lines."""
    if result is None:
        return None
    points: dict[int, list[Point]] = {}
    for step in result.rows("step"):
        rows, context, ms = (as_number(step.get(key)) for key in ("rows", "context", "ms"))
        if rows is not None and context is not None and ms is not None:
            points.setdefault(round(rows), []).append((context, ms))
    if not points:
        return None
    longest = max(context for line in points.values() for context, _ in line)
    measured = {counted(rows, "row"): sorted(points[rows]) for rows in sorted(points)}
    fitted = {counted(rows, "row"): _cost_line(result, rows, longest) for rows in points}
    name = "A decoding step by context: measured, and the cost model"
    lines = {label: line for label, line in fitted.items() if line}
    return Drawing(
        "steps", plot.plot_fitted, (name, ("tokens of context a row", "step, ms"), measured, lines)
    )


def _cost_line(result: Result, rows: int, longest: float) -> list[Point]:
    """From no context to the longest, in ms. Empty without a cost model."""
    names = ("step_call_us", "step_row_us", "step_cached_us")
    call_us, row_us, cached_us = (result.number("cost_model", name) for name in names)
    if call_us is None or row_us is None or cached_us is None:
        return []
    return [(at, (call_us + rows * (row_us + cached_us * at)) / 1e3) for at in (0.0, longest)]


def _gptj(result: Result | None) -> Drawing | None:
    if result is None:
        return None
    lines: dict[str, list[Point]] = {}
    for run in result.rows("runs"):
        points = [
            (rows, rate)
            for step in objects(run.get("step"))
            if (rows := as_number(step.get("rows"))) is not None
            and (rate := as_number(step.get("tokens_per_s"))) is not None
        ]
        if points:
            lines[counted(run.get("threads"), "thread")] = sorted(points)
    labels = ("rows in the batch", "tokens per second")
    name = f"GPT-J, {size(result)}, int8"
    return Drawing("gptj", plot.plot_fitted, (name, labels, lines, lines)) if lines else None


def _saturation(result: Result) -> Drawing | None:
    """Levels that were the generator's own slowness are left out. One level is no curve."""
    levels = [level for level in result.rows("levels") if not level.get("invalid")]
    percentile = "p99" if all(dig(level, "end_to_end_s", "p99") is not None for level in levels) else "p90"
    points = [
        (str(level.get("label")), rate, time_s)
        for level in levels
        if (rate := as_number(level.get("tokens_per_s"))) is not None
        and (time_s := as_number(dig(level, "end_to_end_s", percentile))) is not None
    ]
    if len(points) < 2:
        return None
    return Drawing(
        f"{result.name}-saturation", plot.plot_saturation, (load_title(result), percentile, points)
    )
