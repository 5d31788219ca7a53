"""Prefill by length and rows, and steps by rows and context: what the cost model is made of."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ..result import Measure
from .case import Case
from .grid import Grid, Shape
from .repeat import repeat
from .section import Section
from .subject import Subject
from .weights import Traffic

_PREFILL_STEPS = 3  # as few as give a median step to take off
# Without so many, however slow the model, there is no cost model; the fourth step has another context.
_LEAST_PREFILLS, _LEAST_STEPS = 3, 4


@dataclass(frozen=True, slots=True)
class Roof:
    """What memory allows: nothing is known of it where the bandwidth was not measured."""

    traffic: Traffic
    gb_per_s: float | None

    def share(self, step_s: float) -> float | None:
        """Of the step that only reads its weights, at full bandwidth."""
        return self.floor_s / step_s if self.floor_s else None

    @property
    def floor_s(self) -> float | None:
        return self.traffic.step_bytes / self.gb_per_s / 1e9 if self.gb_per_s else None

    def cache_s(self, rows: int, context: int) -> float | None:
        """Reading the cache of a batch, writing its copy and reading that once: what every step does."""
        if not self.gb_per_s:
            return None
        return 3 * rows * context * self.traffic.cache_bytes / self.gb_per_s / 1e9


def prefill_section(
    key: str, subject: Subject, shapes: Sequence[Shape], budget_s: float, rounds: int
) -> Section:
    """``key`` is where the rows go in the result."""
    found = repeat(
        "prefill",
        shapes,
        lambda shape: subject.run(Case((shape[1],) * shape[0], _PREFILL_STEPS)).prefill_s,
        budget_s=budget_s,
        rounds=rounds,
        least=_LEAST_PREFILLS,
    )
    lines = [f"  {'rows':>6}{'tokens':>8}{'seconds':>10}{'tokens/s':>10}"]
    figures = []
    for (rows, tokens), values in found.values.items():
        seconds = statistics.median(values)
        rate = rows * tokens / seconds if seconds > 0 else None
        figures.append({"tokens": tokens, "rows": rows, "seconds": seconds, "tokens_per_s": rate})
        lines.append(f"  {rows:>6}{tokens:>8}{seconds:>10.4f}" + (f"{rate:>10.0f}" if rate else ""))
    measures = [
        Measure(f"prefill_s {rows} x {tokens}", "s", "lower", tuple(values))
        for (rows, tokens), values in found.values.items()
    ]
    left_out = [f"prefill of {rows} x {tokens} tokens" for rows, tokens in found.left_out]
    return Section(key, figures, lines, measures, left_out, found.stopped)


def step_section(
    key: str, subject: Subject, shapes: Sequence[Shape], roof: Roof, grid: Grid, budget_s: float
) -> Section:
    found = repeat(
        "step",
        shapes,
        lambda shape: subject.run(Case.decode(*shape, grid.steps)).step_s,
        budget_s=budget_s,
        rounds=grid.rounds,
        least=_LEAST_STEPS,
    )
    lines = [f"  {'rows':>6}{'context':>8}{'ms':>9}{'tokens/s':>10}{'roofline':>10}{'cache, ms':>11}"]
    figures = []
    for (rows, context), values in found.values.items():
        step_s = statistics.median(values)
        share, cache_s = roof.share(step_s), roof.cache_s(rows, context)
        figures.append(
            {
                "rows": rows,
                "context": context,
                "ms": step_s * 1e3,
                "tokens_per_s": rows / step_s,
                "roofline_share": share,
            }
        )
        told = f"  {rows:>6}{context:>8}{step_s * 1e3:>9.1f}{rows / step_s:>10.0f}"
        lines.append(told + (f"{share:>10.0%}{cache_s * 1e3:>11.1f}" if share and cache_s else ""))
    measures = [
        Measure(f"step_ms {rows} x {context}", "ms", "lower", tuple(value * 1e3 for value in values))
        for (rows, context), values in found.values.items()
    ]
    left_out = [f"step of {rows} rows at {context} tokens" for rows, context in found.left_out]
    return Section(key, figures, lines, measures, left_out, found.stopped)
