"""Queue and planner together: batches out of a queue."""

from dataclasses import dataclass

import pytest
from askwell_server.engine.cost import CostModel
from askwell_server.engine.planner import Limits
from askwell_server.engine.queue import WaitingQueue
from askwell_server.engine.row import Options, Row
from askwell_server.engine.scheduler import Scheduler

COST = CostModel(8e-3, 0.35e-3, 0.8e-6, 9e-3, 0.4e-3, 0.03e-3)
LIMITS = Limits(rows=16, tokens=1 << 20)
GREEDY = Options(temperature=0.0)


@dataclass(eq=False)
class Item:
    row: Row
    admitted_s: float = 0.0


def a_set(number: int, rows: int = 8) -> list[Item]:
    """Rows that share 240 tokens and differ in 16."""
    shared = tuple(range(1000 * number, 1000 * number + 240))
    return [Item(Row((*shared, *range(20 * i, 20 * i + 16)), GREEDY, 40)) for i in range(rows)]


def scheduler_of(items: list[Item], policy="full", **more) -> tuple[Scheduler[Item], WaitingQueue[Item]]:
    queue = WaitingQueue[Item](1000)
    queue.append(items)
    return Scheduler(queue, policy, 2.0, **more), queue


def boarded(items: list[Item], free_lanes: int, policy="full") -> list[int]:
    """Rows of each batch when so many lanes are free."""
    scheduler, _ = scheduler_of(items, policy)
    batches = [scheduler.board(0.0, LIMITS, COST, lanes) for lanes in range(free_lanes, 0, -1)]
    return [len(each.items) for each in batches if each]


def test_batches_take_every_row_once_and_leave_an_empty_queue() -> None:
    items = [item for number in range(5) for item in a_set(number)]
    scheduler, queue = scheduler_of(items)
    taken = []
    while batch := scheduler.board(0.0, LIMITS, COST, 1):
        assert batch.plan.prefix == 240 and len(batch.items) == 8
        taken += batch.items
    assert taken == items and len(queue) == 0


def test_flood_of_another_tenant_gets_half_the_seats_beside_a_tenant_that_is_due() -> None:
    flood = [Item(Row((9, i), GREEDY, 40, tenant="a"), 0.0) for i in range(40)]
    scheduler, queue = scheduler_of(flood)
    first = scheduler.board(0.0, LIMITS, COST, 1)
    back = Item(Row((8, 8), GREEDY, 40, tenant="b"), 1.0)
    queue.append([back])
    second = scheduler.board(1.0, LIMITS, COST, 1)
    assert first and second and len(first.items) == LIMITS.rows
    assert second.items[0] is back and len(second.items) == 1 + LIMITS.rows // 2


def test_free_lanes_share_what_waits() -> None:
    assert boarded(a_set(1), 1) == [8]
    assert boarded(a_set(1), 2) == [4, 4]
    assert boarded(a_set(1, rows=1), 2) == [1]
    assert boarded(a_set(1), 2, "fifo") == [4, 4]


def test_sets_stay_together_where_every_lane_gets_enough() -> None:
    assert boarded([*a_set(1), *a_set(2)], 2) == [8, 8]
    assert boarded([*a_set(1), *a_set(2, rows=5)], 2) == [8, 5]


@pytest.mark.parametrize(("policy", "sizes"), [("full", [8, 8]), ("fifo", [16]), ("equal-length", [16])])
def test_policy_decides_the_batch(policy, sizes) -> None:
    scheduler, _ = scheduler_of([*a_set(1), *a_set(2)], policy)
    batches = iter(lambda: scheduler.board(0.0, LIMITS, COST, 1), None)
    assert [len(batch.items) for batch in batches] == sizes


def test_tenants_are_charged_for_what_they_board() -> None:
    def of(tenant: str, length: int) -> Item:
        return Item(Row(tuple(range(length)), GREEDY, 10, tenant=tenant))

    scheduler, queue = scheduler_of([of("a", 500), of("a", 20), of("b", 21), of("b", 22), of("b", 900)])
    first = scheduler.board(0.0, Limits(1, 1 << 20), COST, 1)
    assert first and first.items[0].row.tenant == "a"
    assert [item.row.tenant for item in queue.in_order(0.0)[:2]] == ["b", "b"]


def test_registered_prefix_is_used() -> None:
    items = a_set(1, rows=1)
    scheduler, _ = scheduler_of(items, registered=[items[0].row.prompt[:200]])
    batch = scheduler.board(0.0, LIMITS, COST, 1)
    assert batch and batch.plan.cached and batch.plan.prefix == 200


@pytest.mark.parametrize(("policy", "gives_way"), [("full", True), ("fifo", False), ("equal-length", False)])
def test_only_the_full_policy_cuts(policy, gives_way) -> None:
    short = [Item(Row(tuple(range(1000 * i, 1000 * i + 100)), GREEDY, 20)) for i in range(1, 9)]
    scheduler, queue = scheduler_of(short, policy)
    live = [Row(tuple(range(100)), GREEDY, 200)]
    assert scheduler.gives_way(live, 0.0, 3.0, LIMITS, COST) is gives_way
    queue.clear()
    assert not scheduler.gives_way(live, 0.0, 3.0, LIMITS, COST)
