"""When to stop a running batch and run its rows again together with those who wait.

Nobody can join a running batch. Cutting it costs the prefill of its unfinished rows once more, and pays when
those who wait would wait long for little work, or when few rows are left to share a step. Rows that gave way
wait behind one batch of the others, unless they can run with them.
"""

from collections.abc import Sequence
from dataclasses import replace

from .cost import CostModel
from .planner import Expect, Limits, most, plan
from .row import Priority, Row

_PREFILLS = 4  # a batch runs for at least so many times as long as cutting it costs
_URGENT = 0.25  # of the longest time, when a row of better priority waits
_GAIN = 0.05  # of the sum of all ends, by which cutting must be better


def continued(row: Row, written: Sequence[int]) -> Row:
    """The row as it waits after it was cut: what it has written is prompt now."""
    return replace(
        row,
        prompt=(*row.prompt, *written),
        max_new_tokens=row.max_new_tokens - len(written),
        min_new_tokens=max(0, row.min_new_tokens - len(written)),
    )


def worth_cutting(
    live: Sequence[Row],
    started_s: float,
    waiting: Sequence[Row],
    limits: Limits,
    cost: CostModel,
    now_s: float,
    max_batch_s: float,
    registered: Sequence[tuple[int, ...]] = (),
    expect: Expect = most,
) -> bool:
    """Whether a batch that started at ``started_s`` should be cut now.

    ``live`` are its unfinished rows as ``continued`` gives them, ``waiting`` the queue in order. Two futures
    are compared by the cost model: to go on, then run the next batch of those who wait; or to plan anew over
    all. Only the rows of that next batch are followed; the others wait for whatever takes longer.
    """
    if not live or not waiting or not all(row.options.divisible for row in live):
        return False
    urgent = min(row.priority for row in waiting) < min(row.priority for row in live)
    ran_s = now_s - started_s
    again_s = cost.prefill_s(len(live), min(len(row.prompt) for row in live))
    if ran_s < max(max_batch_s * (_URGENT if urgent else 1.0), _PREFILLS * again_s):
        return False
    going_on = _Future(limits, cost, now_s, registered, expect)
    going_on.run_on(live)
    following = set(going_on.run(waiting))
    others = [row for i, row in enumerate(waiting) if i not in following]
    most = (1 - _GAIN) * going_on.total_s(others)
    anew = _Future(limits, cost, now_s, registered, expect)
    left = sorted([*(waiting[i] for i in sorted(following)), *live], key=lambda row: row.priority)
    while left and anew.total_s(others) < most:
        gone = set(anew.run(left))
        left = [row for i, row in enumerate(left) if i not in gone]
    return not left and anew.total_s(others) < most and anew.late <= going_on.late


class _Future:
    """Batches one after the other on one lane: when their rows end, in seconds from now.

    ``late`` counts the rows that miss their deadline.
    """

    def __init__(
        self,
        limits: Limits,
        cost: CostModel,
        now_s: float,
        registered: Sequence[tuple[int, ...]],
        expect: Expect,
    ) -> None:
        self._limits = limits
        self._cost = cost
        self._now_s = now_s
        self._registered = registered
        self._expect = expect
        self._clock_s = 0.0
        self._ends_s = 0.0  # the sum, by weight
        self.late = 0

    def run_on(self, live: Sequence[Row]) -> None:
        """The running batch to its end: as if it began now, with its prompts computed already."""
        shapes = [(len(row.prompt), self._expect(row)) for row in live]
        prefill_s = self._cost.prefill_s(len(shapes), min(length for length, _ in shapes))
        self._take(live, [end_s - prefill_s for end_s in self._cost.ends_s(shapes)])

    def run(self, waiting: Sequence[Row]) -> tuple[int, ...]:
        """The next batch of those who wait; gives the indices of its rows."""
        now_s = self._now_s + self._clock_s
        kept = [i for i, row in enumerate(waiting) if row.priority <= waiting[0].priority]  # as they board
        among = [waiting[i] for i in kept]
        made = plan(among, self._limits, self._cost, now_s, self._registered, self._expect)
        rows = [among[i] for i in made.indices]
        shapes = [(len(row.prompt), self._expect(row)) for row in rows]
        self._take(rows, self._cost.ends_s(shapes, made.prefix, cached=made.cached))
        return tuple(kept[i] for i in made.indices)

    def total_s(self, others: Sequence[Row]) -> float:
        """The sum of all ends by weight; ``others`` would start when all is done."""
        return self._ends_s + self._clock_s * sum(map(_weight, others))

    def _take(self, rows: Sequence[Row], ends_s: Sequence[float]) -> None:
        for row, end_s in zip(rows, ends_s, strict=True):
            self._ends_s += (self._clock_s + end_s) * _weight(row)
            if row.deadline_s is not None and self._now_s + self._clock_s + end_s > row.deadline_s:
                self.late += 1
        self._clock_s += max(ends_s)


def _weight(row: Row) -> int:
    """A second of waiting counts twice as much from one priority to the next."""
    return 1 << (Priority.BATCH - row.priority)
