"""The queue: who waits, and who is served first."""

from dataclasses import dataclass

from askwell_server.engine.fair import VirtualCounters, weighted
from askwell_server.engine.queue import WaitingQueue
from askwell_server.engine.row import Options, Priority, Row
from hypothesis import given
from hypothesis import strategies as st


@dataclass(eq=False)
class Item:
    row: Row
    admitted_s: float = 0.0


def item(tenant: str = "", priority: Priority = Priority.NORMAL, at_s: float = 0.0, tokens: int = 10) -> Item:
    return Item(Row((1,) * tokens, Options(), 5, priority=priority, tenant=tenant), at_s)


def queue_of(*items: Item, limit: int = 100) -> WaitingQueue[Item]:
    queue = WaitingQueue[Item](limit)
    queue.append(items)
    return queue


def serve(queue: WaitingQueue[Item]) -> Item:
    """Take out who is first, as the scheduler does."""
    (first,) = queue.in_order(0.0, 1)
    queue.charge(first, weighted(first.row))
    queue.remove(first)
    return first


def test_rows_put_back_go_first_and_removed_rows_are_gone() -> None:
    a, b, c, d = (item() for _ in range(4))
    queue = queue_of(c, d, limit=3)
    assert queue.has_room(1) and not queue.has_room(2)
    queue.put_back([a, b], 0.0)
    queue.remove(d)
    queue.remove(d)
    assert queue.in_order(0.0) == [a, b, c] and len(queue) == 3 == len(list(queue))
    assert not queue.has_room(1)
    assert set(queue.clear()) == {a, b, c} and len(queue) == 0 and queue.in_order(0.0) == []


def test_better_priority_goes_first_until_a_row_starves() -> None:
    batch = item(priority=Priority.BATCH, at_s=0.0)
    normal = item(at_s=5.0)
    urgent = item(priority=Priority.INTERACTIVE, at_s=10.0)
    queue = queue_of(batch, normal, urgent)
    assert queue.in_order(19.0) == [urgent, normal, batch]
    assert queue.in_order(21.0) == [batch, urgent, normal]
    assert queue.in_order(26.0, 2) == [batch, normal]
    assert queue_of(normal, batch).in_order(99.0) == [batch, normal]


def test_a_line_that_is_served_does_not_starve_however_long_it_is() -> None:
    flood = [item("a", at_s=0.0) for _ in range(4)]
    fresh = item("b", at_s=99.0)
    queue = queue_of(*flood, fresh)
    queue.take(flood[:1], 90.0)
    assert queue.in_order(100.0, 1) == [fresh]  # a was given more
    assert queue.in_order(111.0, 1) == [flood[1]]  # and now it was passed over for too long
    queue.take(flood[1:2], 111.0)
    assert queue.in_order(112.0, 1) == [fresh]


def test_row_that_gave_way_is_not_starved_though_it_came_long_ago() -> None:
    old, urgent = item(priority=Priority.BATCH, at_s=0.0), item(priority=Priority.INTERACTIVE, at_s=99.0)
    queue = queue_of(old)
    queue.take([old], 60.0)
    queue.append([urgent])
    queue.put_back([old], 100.0)
    assert queue.in_order(100.0) == [urgent, old]


def test_tenant_that_comes_back_stands_before_the_level_flood_it_meets() -> None:
    flood = [item("a", at_s=0.0) for _ in range(4)]
    queue = queue_of(*flood)
    serve(queue)
    back = item("b", at_s=9.0)
    assert queue.ahead_of(back.row) == []
    queue.append([back])
    assert queue.in_order(10.0, 2) == [back, flood[1]]


def test_tenants_take_turns_by_the_tokens_they_were_given() -> None:
    flood = [item("a") for _ in range(4)]
    small, large = item("b"), item("c", tokens=30)
    others = [small, item("b"), large, item("c")]
    queue = queue_of(*flood, *others)
    order = queue.in_order(0.0)
    assert [each.row.tenant for each in order[:3]] == ["b", "c", "a"]  # all at 0: the longest line last
    assert order[3:] == [others[1], flood[1], others[3], flood[2], flood[3]]  # c was given twice as much


def test_a_tenant_that_stayed_away_has_saved_nothing_up() -> None:
    queue = queue_of(*(item("a") for _ in range(6)))
    for _ in range(3):
        serve(queue)
    queue.append(item("b") for _ in range(3))
    assert [each.row.tenant for each in queue.in_order(0.0)] == ["a", "b", "a", "b", "a", "b"]


def test_a_tenant_that_empties_its_line_does_not_start_anew() -> None:
    queue = queue_of(item("a"), item("b"), item("b"))
    assert serve(queue).row.tenant == "a"  # now at 20 and away, while b is at 0
    queue.append([item("a")])
    assert [serve(queue).row.tenant for _ in range(3)] == ["b", "a", "b"]


def test_tokens_given_back_bring_the_next_turn_forward() -> None:
    a, b = item("a"), item("b")
    queue = queue_of(a, b, item("a"), item("b"))
    serve(queue), serve(queue)
    queue.charge(b, -1.0)
    assert queue.in_order(0.0)[0].row.tenant == "b"


def test_ahead_of_a_new_row_are_those_who_would_be_served_before_it() -> None:
    flood = [item("a") for _ in range(5)]
    own = [item("b"), item("b")]
    urgent, later = item("c", Priority.INTERACTIVE), item("c", Priority.BATCH)
    queue = queue_of(*flood, *own, urgent, later)
    ahead = queue.ahead_of(item("b").row)
    assert set(ahead) == {urgent, *own, *flood[:2]}
    assert queue.ahead_of(item("c", Priority.INTERACTIVE).row) == [urgent]
    assert set(queue.ahead_of(item("b", Priority.BATCH).row)) >= {*flood, *own, urgent}
    assert len(queue) == 9  # nobody was moved


arrivals = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(list(Priority))), max_size=30)


@given(arrivals, st.lists(st.integers(0, 40), max_size=30))
def test_a_newcomer_is_served_after_exactly_those_ahead_of_it(waiting, served) -> None:
    queue = queue_of(*(item(*each, at_s=float(i)) for i, each in enumerate(waiting)))
    for i in served:
        if i % 2 and len(queue):
            serve(queue)
    new = item("b", Priority.NORMAL, at_s=99.0)
    ahead = queue.ahead_of(new.row)
    queue.append([new])
    order = [each for each in queue.in_order(0.0) if each is not new]
    assert set(order) == set(queue) - {new}
    assert order[: len(ahead)] == ahead
    assert queue.in_order(0.0).index(new) == len(ahead)


def test_names_of_tenants_do_not_pile_up() -> None:
    counters = VirtualCounters()
    for i in range(1000):
        counters.enter(str(i))
        counters.charge(str(i), 30.0)
        counters.leave(str(i))
    assert len(counters) < 10


def test_no_backlogged_tenant_is_given_much_more_than_another() -> None:
    """The promise of the virtual token counter: never apart by more than one row."""
    queue = queue_of(*(item(t, tokens=n) for t, n in [("a", 40), ("b", 10), ("c", 3)] for _ in range(40)))
    given: dict[str, float] = {"a": 0.0, "b": 0.0, "c": 0.0}
    for _ in range(30):
        row = serve(queue).row
        given[row.tenant] += weighted(row)
        assert max(given.values()) - min(given.values()) <= weighted(item(tokens=40).row)
