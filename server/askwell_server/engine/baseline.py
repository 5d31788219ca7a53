"""Two simpler ways to put a batch together, to compare the planner with."""

from collections.abc import Iterable, Sequence

from .company import Limits, batch_minimum, companies
from .cost import CostModel
from .planner import Expect, Plan, most
from .row import Row


def fifo(
    waiting: Sequence[Row],
    limits: Limits,
    cost: CostModel,
    now_s: float = 0.0,
    registered: Sequence[tuple[int, ...]] = (),
    expect: Expect = most,
) -> Plan:
    """The head and the next rows in order with the same options, whatever their lengths."""
    return _first(companies(waiting)[0], waiting, limits, cost)


def equal_length(
    waiting: Sequence[Row],
    limits: Limits,
    cost: CostModel,
    now_s: float = 0.0,
    registered: Sequence[tuple[int, ...]] = (),
    expect: Expect = most,
) -> Plan:
    """The head and the next rows in order of exactly its length."""
    length = len(waiting[0].prompt)
    mates = [i for i in companies(waiting)[0] if len(waiting[i].prompt) == length]
    return _first(mates, waiting, limits, cost)


def _first(mates: Iterable[int], waiting: Sequence[Row], limits: Limits, cost: CostModel) -> Plan:
    """The head and as many of the mates, in order, as the limits allow."""
    if (beams := waiting[0].options.num_beams) > 1:
        limits, cost = limits.with_beams(beams), cost.with_beams(beams)
    chosen, longest = [0], len(waiting[0].prompt)
    tokens = longest + waiting[0].max_new_tokens
    for i in mates:
        length = len(waiting[i].prompt)
        tokens, longest = tokens + length + waiting[i].max_new_tokens, max(longest, length)
        if not limits.allow(len(chosen) + 1, tokens, longest):
            break
        chosen.append(i)
    rows = [waiting[i] for i in chosen]
    seconds = cost.batch_s([(len(row.prompt), row.max_new_tokens) for row in rows])
    return Plan(tuple(chosen), 0, min_new_tokens=batch_minimum(rows), seconds=seconds)
