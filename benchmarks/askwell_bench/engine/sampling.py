"""What choosing a token costs beside computing its odds, and what a step costs beside that."""

import statistics
from dataclasses import dataclass

from askwell_server.engine.cost import CostModel

from ..result import Measure
from .case import Case, expected_s
from .grid import ROWS, SPLIT_CONTEXTS, Grid, Shape
from .repeat import repeat
from .section import Row, Section
from .speed import Roof
from .subject import Subject


@dataclass(frozen=True, slots=True)
class _Way:
    label: str
    top_k: int
    top_p: float = 1.0


_GREEDY = _Way("greedy (top_k 1)", 1)
_DEFAULT = _Way("top_k 50, top_p 0.95", 50, 0.95)
_SHORT = (_GREEDY, _DEFAULT)
_FULL = (*_SHORT, _Way("top_k 50", 50), _Way("top_k 0", 0))
_CPU = (*_FULL, _Way("top_k 0, top_p 0.95", 0, 0.95))  # which a GPU refuses


def sampling_section(subject: Subject, roof: Roof, grid: Grid, cost: CostModel | None) -> Section:
    """Every way takes its turn at every point, so that each is a ratio to greedy of the same round."""
    ways = _SHORT if not grid.all_settings else _CPU if subject.engine.device == "cpu" else _FULL

    def cases(shape: Shape) -> list[Case]:
        return [Case.decode(*shape, grid.steps, way.top_k, way.top_p) for way in ways]

    found = repeat(
        "sampling",
        grid.sampling,
        lambda shape: [subject.run(case).step_s for case in cases(shape)],
        budget_s=grid.budget_s["sampling"],
        rounds=grid.rounds,
        expected_s=lambda shape: expected_s(cases(shape), cost),
    )
    rows: list[Row] = []
    measures: list[Measure] = []
    ms: dict[tuple[int, int, str], float] = {}
    lines = [f"  {'rows':>6}{'context':>8}{'ms':>9}{'to greedy':>11}"]
    for (count, context), rounds in found.values.items():
        for index, way in enumerate(ways):
            step_s = statistics.median(each[index] for each in rounds)
            ratios = tuple(each[index] / each[0] for each in rounds)
            ms[count, context, way.label] = step_s * 1e3
            rows.append({"rows": count, "context": context, "label": way.label, "ms": step_s * 1e3})
            lines.append(
                f"  {count:>6}{context:>8}{step_s * 1e3:>9.1f}{statistics.median(ratios):>11.3f}  {way.label}"
            )
            if way is not _GREEDY:
                name = f"sampling {way.label}, {count} x {context}"
                measures.append(Measure(name, "ratio", "lower", ratios, relative=True))
    lines += _split_lines(ms, roof)
    left_out = [f"sampling of {count} rows at {context} tokens" for count, context in found.left_out]
    return Section("sampling", rows, lines, measures, left_out, found.stopped)


def _split_lines(ms: dict[tuple[int, int, str], float], roof: Roof) -> list[str]:
    """One step taken apart: what it costs at hardly any context, what context adds, what sampling adds."""
    near, far = SPLIT_CONTEXTS
    points = [(ROWS, near, _GREEDY.label), (ROWS, far, _GREEDY.label), (ROWS, far, _DEFAULT.label)]
    if not all(point in ms for point in points):
        return []
    bare, greedy, sampled = (ms[point] for point in points)
    lines = [
        f"  A sampled step of {ROWS} rows at {far} tokens takes {sampled:.1f} ms: {bare:.1f} at {near}",
        f"  tokens too, {greedy - bare:+.1f} for the context, {sampled - greedy:+.1f} for sampling.",
    ]
    if (cache_s := roof.cache_s(ROWS, far)) and roof.floor_s:
        weights_ms, cache_ms = roof.floor_s * 1e3, cache_s * 1e3
        lines.append(
            f"  Memory alone: weights {weights_ms:.1f} ms; cache read, copied and read {cache_ms:.1f}."
        )
    return lines
