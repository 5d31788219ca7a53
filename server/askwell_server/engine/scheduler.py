"""The queue and the planner together: what the live engine and the simulator share. No clock, no engine."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .baseline import equal_length, fifo
from .config import Policy
from .cost import CostModel
from .cut import worth_cutting
from .planner import Expect, Limits, Plan, most, plan
from .queue import Queued, WaitingQueue
from .row import Row

T = TypeVar("T", bound=Queued)

# Batches' worth of rows that are looked at, and rows at most: planning must not take longer than a step.
_LOOKAHEAD, _LOOKAHEAD_ROWS = 4, 128
_PLANNERS: dict[Policy, Callable[..., Plan]] = {"full": plan, "equal-length": equal_length, "fifo": fifo}


@dataclass(frozen=True, slots=True)
class Boarded(Generic[T]):
    """The items that run next, in the order of the plan."""

    items: tuple[T, ...]
    plan: Plan


class Scheduler(Generic[T]):
    """Takes batches out of a queue by a policy, and says when a running one should make room.

    ``max_batch_s`` is how long a batch may keep others waiting before it may be cut. ``registered`` are the
    prefixes that the engine keeps. ``expect`` tells how much a row will write.
    """

    def __init__(
        self,
        queue: WaitingQueue[T],
        policy: Policy,
        max_batch_s: float,
        registered: Sequence[tuple[int, ...]] = (),
        expect: Expect = most,
    ) -> None:
        self._queue = queue
        self._policy = policy
        self._max_batch_s = max_batch_s
        self._registered = registered
        self._expect = expect

    def board(self, now_s: float, limits: Limits, cost: CostModel, free_lanes: int) -> Boarded[T] | None:
        """Take the next batch out of the queue and charge its tenants; None when nothing waits.

        ``free_lanes`` counts the lane that the batch is for.
        """
        items = self._queue.in_order(now_s, _seen(limits))
        if not items:
            return None
        items = _company_of(items[0], items, limits.rows // 2)
        rows = [item.row for item in items]
        chosen = self._plan(rows, limits, cost, now_s)
        share = math.ceil(len(self._queue) / free_lanes)
        if len(chosen.indices) > share and not self._leaves_enough(chosen, free_lanes):
            chosen = self._plan(rows, Limits(share, limits.tokens, limits.scores), cost, now_s)
        boarded = tuple(items[i] for i in chosen.indices)
        self._queue.take(boarded, now_s)
        return Boarded(boarded, chosen)

    def gives_way(
        self,
        live: Sequence[Row],
        started_s: float,
        now_s: float,
        limits: Limits,
        cost: CostModel,
    ) -> bool:
        """Whether a running batch should be cut for those who wait; ``live`` are its unfinished rows, as they
        would wait. Only the full policy cuts."""
        if self._policy != "full":
            return False
        waiting = [item.row for item in self._queue.in_order(now_s, _seen(limits))]
        return worth_cutting(
            live, started_s, waiting, limits, cost, now_s, self._max_batch_s, self._registered, self._expect
        )

    def _plan(self, rows: Sequence[Row], limits: Limits, cost: CostModel, now_s: float) -> Plan:
        return _PLANNERS[self._policy](rows, limits, cost, now_s, self._registered, self._expect)

    def _leaves_enough(self, chosen: Plan, free_lanes: int) -> bool:
        """Whether the other free lanes get at least half as many rows each. Sharing out evenly would tear
        rows apart that belong together."""
        count = len(chosen.indices)
        return len(self._queue) - count >= (free_lanes - 1) * count / 2


def _company_of(head: T, items: Sequence[T], guests: int) -> list[T]:
    """Those who may run with the head, itself included.

    Whoever is of worse priority would slow it down and take the seats of its like. So would more than some
    ``guests`` of any other tenant: one that floods would have every batch be as long as a full one.
    """
    company: list[T] = []
    seen: Counter[str] = Counter()
    for item in items:
        row = item.row
        if row.priority > head.row.priority:
            continue
        if row.tenant != head.row.tenant:
            seen[row.tenant] += 1
            if seen[row.tenant] > guests:
                continue
        company.append(item)
    return company


def _seen(limits: Limits) -> int:
    return max(limits.rows, min(_LOOKAHEAD * limits.rows, _LOOKAHEAD_ROWS))
