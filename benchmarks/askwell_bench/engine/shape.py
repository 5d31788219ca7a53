"""What prompts of unequal length cost, and what a shared prefix spares."""

import statistics
from dataclasses import replace

from askwell_server.engine.cost import CostModel

from ..result import Measure
from .case import Case, Timing, expected_s
from .grid import FORCED_PROMPT, ROWS, TAIL, Grid
from .repeat import repeat
from .section import Section
from .subject import Subject


def forced_section(subject: Subject, grid: Grid, cost: CostModel | None) -> Section:
    """Prompts ``apart`` tokens apart, the next against the one before, and as many equal ones, in turn.

    Both have the same context at each step. What a longer prompt has on top is forced one step at a time,
    where a prefill would have computed it at once.
    """
    found = repeat(
        "forced",
        grid.forced_apart,
        lambda apart: (subject.run(_ragged(apart)), subject.run(_equal(apart))),
        budget_s=grid.budget_s["forced"],
        rounds=grid.rounds,
        expected_s=lambda apart: expected_s((_ragged(apart), _equal(apart)), cost),
    )
    rows, measures = [], []
    lines = [f"  {'rows':>6}{'apart':>7}{'forced, ms':>12}{'step, ms':>10}{'prefill of a token, ms':>24}"]
    for apart, rounds in found.values.items():
        told = {
            "rows": ROWS,
            "apart": apart,
            "forced_ms": statistics.median(ragged.step_s for ragged, _ in rounds) * 1e3,
            "step_ms": statistics.median(equal.step_s for _, equal in rounds) * 1e3,
            "prefill_token_ms": statistics.median(_token_s(equal) for _, equal in rounds) * 1e3,
        }
        rows.append(told)
        lines.append(
            "  {rows:>6}{apart:>7}{forced_ms:>12.2f}{step_ms:>10.2f}{prefill_token_ms:>24.2f}".format(**told)
        )
        ratios = tuple(ragged.step_s / equal.step_s for ragged, equal in rounds)
        measures.append(
            Measure(f"forced step to step, {apart} apart", "ratio", "lower", ratios, relative=True)
        )
    left_out = [f"forced tokens, {apart} apart" for apart in found.left_out]
    return Section("forced", rows, lines, measures, left_out, found.stopped)


def _ragged(apart: int) -> Case:
    """Ends when its longest prompt is used up."""
    tails = tuple(FORCED_PROMPT + apart * index for index in range(ROWS))
    return Case(tails, steps=apart * (ROWS - 1) + 1)


def _equal(apart: int) -> Case:
    return Case((FORCED_PROMPT,) * ROWS, steps=_ragged(apart).steps)


def _token_s(equal: Timing) -> float:
    return equal.prefill_s / (ROWS * FORCED_PROMPT)


def prefix_section(subject: Subject, grid: Grid, cost: CostModel | None) -> Section:
    """The time to the first token of the same prompts, three ways in turn: whole prompts, a prefix computed
    once for all, and a prefix that was kept from before. ``ratio`` is separate over shared."""

    def measure(prefix: int) -> tuple[float, ...]:
        cases = _ways(prefix)
        if prefix not in kept:
            subject.run(cases[-1])
            kept.add(prefix)
        return tuple(subject.run(case).first_s for case in cases)

    kept: set[int] = set()
    found = repeat(
        "prefix",
        grid.prefixes,
        measure,
        budget_s=grid.budget_s["prefix"],
        rounds=grid.rounds,
        expected_s=lambda prefix: expected_s(_ways(prefix), cost),
    )
    rows, measures = [], []
    lines = [f"  {'rows':>6}{'prefix':>8}{'separate, s':>13}{'shared, s':>11}{'kept, s':>9}{'ratio':>8}"]
    for prefix, rounds in found.values.items():
        separate_s, shared_s, cached_s = (statistics.median(each[way] for each in rounds) for way in range(3))
        ratios = tuple(each[0] / each[1] for each in rounds)
        told = {
            "rows": ROWS,
            "prefix": prefix,
            "tail": TAIL,
            "separate_s": separate_s,
            "shared_s": shared_s,
            "cached_s": cached_s,
            "ratio": statistics.median(ratios),
        }
        rows.append(told)
        lines.append(
            "  {rows:>6}{prefix:>8}{separate_s:>13.3f}{shared_s:>11.3f}{cached_s:>9.3f}{ratio:>8.2f}".format(
                **told
            )
        )
        measures.append(
            Measure(f"separate to shared, prefix {prefix}", "ratio", "higher", ratios, relative=True)
        )
    left_out = [f"prefix of {prefix} tokens" for prefix in found.left_out]
    return Section("prefix", rows, lines, measures, left_out, found.stopped)


def _ways(prefix: int) -> tuple[Case, Case, Case]:
    """Whole prompts, a shared prefix, and a kept one."""
    shared = Case((TAIL,) * ROWS, 1, prefix)
    return Case((prefix + TAIL,) * ROWS, 1), shared, replace(shared, cached=True)
