"""Planning in another order than the server's: by who can still be in time. Only who knows how long each row
will be can do so, and only without promises of fairness."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from askwell_server.engine.cost import CostModel
from askwell_server.engine.planner import Limits, plan
from askwell_server.engine.queue import WaitingQueue
from askwell_server.engine.row import Row
from askwell_server.engine.scheduler import Boarded, Scheduler

from ..load.summary import Limits as Promise
from .arrival import SimRow

VIEW = 4
"""Batches' worth of rows that are looked at, as in the server."""

Order: TypeAlias = Callable[[Sequence[SimRow], float, CostModel, Promise], list[SimRow]]


def first_come(waiting: Sequence[SimRow], now_s: float, cost: CostModel, promise: Promise) -> list[SimRow]:
    return list(waiting)


def shortest_first(
    waiting: Sequence[SimRow], now_s: float, cost: CostModel, promise: Promise
) -> list[SimRow]:
    return sorted(waiting, key=lambda item: _alone_s(item, cost))


def in_time_first(waiting: Sequence[SimRow], now_s: float, cost: CostModel, promise: Promise) -> list[SimRow]:
    """Those that can still keep their promise, the shortest first; the others after them."""
    return sorted(
        waiting,
        key=lambda item: (_latest_s(item, cost, promise) < now_s, _alone_s(item, cost), item.admitted_s),
    )


def urgent_first(waiting: Sequence[SimRow], now_s: float, cost: CostModel, promise: Promise) -> list[SimRow]:
    """Those that can still keep their promise, the one that must start first ahead; the others after them."""
    latest_s = {id(item): _latest_s(item, cost, promise) for item in waiting}
    return sorted(waiting, key=lambda item: (latest_s[id(item)] < now_s, latest_s[id(item)]))


ORDERS: tuple[Order, ...] = (first_come, shortest_first, in_time_first, urgent_first)


class Triage:
    """The server's planner over rows in another order; when to cut is left to the server's scheduler."""

    def __init__(
        self, queue: WaitingQueue[SimRow], scheduler: Scheduler[SimRow], order: Order, promise: Promise
    ) -> None:
        self._queue = queue
        self._scheduler = scheduler
        self._order = order
        self._promise = promise

    def board(self, now_s: float, limits: Limits, cost: CostModel, free_lanes: int) -> Boarded[SimRow] | None:
        if self._order is first_come:
            return self._scheduler.board(now_s, limits, cost, free_lanes)
        items = self._order(self._queue.in_order(now_s), now_s, cost, self._promise)[: VIEW * limits.rows]
        chosen = plan([item.row for item in items], limits, cost, now_s)
        boarded = tuple(items[i] for i in chosen.indices)
        for item in boarded:
            self._queue.remove(item)
        return Boarded(boarded, chosen)

    def gives_way(
        self, live: Sequence[Row], started_s: float, now_s: float, limits: Limits, cost: CostModel
    ) -> bool:
        return self._scheduler.gives_way(live, started_s, now_s, limits, cost)


def _alone_s(item: SimRow, cost: CostModel) -> float:
    return cost.batch_s([(len(item.row.prompt), item.left)])


def _latest_s(item: SimRow, cost: CostModel, promise: Promise) -> float:
    """When it must start, alone, to keep its promise."""
    length = len(item.row.prompt)
    latest_s = float("inf")
    if promise.end_to_end_s is not None:
        latest_s = item.admitted_s + promise.end_to_end_s - _alone_s(item, cost)
    if promise.first_s is not None and item.first_s is None:
        first_s = cost.batch_s([(length, 1)])
        latest_s = min(latest_s, item.admitted_s + promise.first_s - first_s)
    return latest_s
