"""What no planner can exceed: the least work that requests are, spread over all lanes."""

from collections.abc import Sequence
from itertools import pairwise

from askwell_server.engine.row import Row

from .arrival import Arrival
from .simulation import Machine


def most_requests_per_s(arrivals: Sequence[Arrival], machine: Machine) -> float:
    """Requests a second at best, over all of ``arrivals``.

    A row's least work is its share of a batch as full as the machine allows: reading what it has in common
    with no other row, all at once or step by step, whichever is cheaper, and its steps, each call shared by
    so many rows. What it has in common costs nothing.
    """
    rows = [
        (request, row, new)
        for request, each in enumerate(arrivals)
        for row, new in zip(each.rows, each.new_tokens, strict=True)
    ]
    own = _own_tokens([row for _, row, _ in rows])
    work_s = sum(_least_s(machine, len(row.prompt), own[i], new) for i, (_, row, new) in enumerate(rows))
    return len(arrivals) * machine.lanes / work_s


def _least_s(machine: Machine, prompt: int, own: int, new: int) -> float:
    cost, full = machine.truth, machine.limits.rows
    token_s = min(cost.prefill_token_s, cost.step_call_s / full + cost.step_row_s)
    pair_s = min(cost.prefill_pair_s, cost.step_cached_s / 2)
    read_s = cost.prefill_call_s / full + token_s * own + pair_s * (prompt**2 - (prompt - own) ** 2)
    return read_s + new * cost.step_s(full, prompt + new / 2) / full


def _own_tokens(rows: Sequence[Row]) -> list[int]:
    """Of each prompt, the tokens after what it shares with any other; sorted, the nearest stand beside it."""
    order = sorted(range(len(rows)), key=lambda i: rows[i].prompt)
    own = [len(row.prompt) for row in rows]
    for before, after in pairwise(order):
        a, b = rows[before].prompt, rows[after].prompt
        common = next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
        own[before] = min(own[before], len(a) - common)
        own[after] = min(own[after], len(b) - common)
    return own
