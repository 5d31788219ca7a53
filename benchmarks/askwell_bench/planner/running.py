"""A batch that runs in a simulation: when each of its steps ends, by the cost model."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from askwell_server.engine.cost import CostModel
from askwell_server.engine.cut import continued
from askwell_server.engine.planner import Plan
from askwell_server.engine.row import Row

from .arrival import SimRow


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Steps that the same rows take: from ``start_s``, after ``done`` steps, with ``context`` in the cache
    each."""

    start_s: float
    done: int
    live: int
    context: int


@dataclass(frozen=True, slots=True)
class Running:
    """``items[i]`` takes ``steps[i]`` steps, of which the first ``forced[i]`` write nothing.

    ``cut`` says that its rows have been told to end at their next token.
    """

    items: tuple[SimRow, ...]
    plan: Plan
    started_s: float
    cost: CostModel
    forced: tuple[int, ...]
    steps: tuple[int, ...]
    stretches: tuple[_Stretch, ...]
    cut: bool = False

    @property
    def end_s(self) -> float:
        return self.time_s(max(self.steps))

    def time_s(self, step: int) -> float:
        """When so many steps are done. A row that ends leaves the cost of later steps."""
        found = bisect_right(self.stretches, step - 1, key=lambda each: each.done) - 1
        stretch = self.stretches[max(found, 0)]
        more = step - stretch.done
        return stretch.start_s + more * self.cost.step_s(stretch.live, stretch.context + more / 2)

    def done(self, now_s: float) -> int:
        """How many steps are."""
        return bisect_right(range(1, max(self.steps) + 1), now_s, key=self.time_s)

    def live(self, now_s: float) -> list[Row]:
        """The rows that have not ended, as they would wait if they were cut now."""
        done = self.done(now_s)
        return [
            continued(item.row, [-1] * max(0, done - forced)) if done > forced else item.row
            for item, forced, steps in zip(self.items, self.forced, self.steps, strict=True)
            if steps > done
        ]

    def shortened(self, now_s: float) -> "Running":
        """The same, cut: every row ends at its next token, which those that are still forced wait for."""
        step = self.done(now_s) + 1
        steps = [
            min(all_, max(step, forced + 1)) for all_, forced in zip(self.steps, self.forced, strict=True)
        ]
        changed = _stretches(self.stretches[0].start_s, self.stretches[0].context, steps, self.cost)
        return replace(self, steps=tuple(steps), stretches=changed, cut=True)

    def first_s(self, i: int) -> float:
        """When row i has its first token; it may have had one before."""
        before = self.items[i].first_s
        return self.time_s(self.forced[i] + 1) if before is None else before

    def written(self, i: int) -> int:
        """Tokens of row i once the batch has ended."""
        return self.steps[i] - self.forced[i]


def start(items: Sequence[SimRow], plan: Plan, now_s: float, cost: CostModel) -> Running:
    """``cost`` is what things really cost."""
    lengths = [len(item.row.prompt) for item in items]
    shortest = min(lengths)
    forced = [length - shortest for length in lengths]
    steps = [each + item.left for each, item in zip(forced, items, strict=True)]
    begin_s = now_s + cost.prefill_s(len(items), shortest, plan.prefix, cached=plan.cached)
    stretches = _stretches(begin_s, shortest, steps, cost)
    return Running(tuple(items), plan, now_s, cost, tuple(forced), tuple(steps), stretches)


def _stretches(begin_s: float, shortest: int, steps: Sequence[int], cost: CostModel) -> tuple[_Stretch, ...]:
    found, clock_s, done, live = [], begin_s, 0, len(steps)
    for each in sorted(steps):
        if (more := each - done) > 0:
            found.append(_Stretch(clock_s, done, live, shortest + done))
            clock_s += more * cost.step_s(live, shortest + done + more / 2)
            done = each
        live -= 1
    return tuple(found)
