"""Which waiting rows run next, together. Pure: no clock, no engine.

The head of the queue always runs; the question is with whom. Three facts of CTranslate2 decide:

- a batch has one set of options;
- what all its prompts begin with is computed once (the prefix); of the rest, the batch computes at once only
  as much as its shortest prompt has, and forces what longer prompts have on top one decoding step at a time;
- a step costs little more for many rows than for one.

So a batch is judged by its seconds per row, as a cost model tells them::

    cost = prefill(rows, shortest, prefix) + steps · step(rows, shortest + steps / 2)
    steps = the most that any row needs: its tokens beyond the shortest prompt, and its new tokens

Waiting rows are lined up behind the head twice, by nearness of length and by length of the prefix shared with
the head, and the best beginning of either line is the batch.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .cost import DEFAULT_COST, CostModel
from .row import Row

MIN_TAIL = 2  # tokens that every row keeps after the prefix; with one, batch-mates are corrupted
_MIN_PREFIX = 16  # below this a second prefill call costs more than it spares


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one batch; the head runs even when it alone exceeds the last two.

    ``tokens`` bounds prompt plus new tokens over all rows (the cache), ``scores`` rows × longest prompt²
    (the attention scores of the prefill).
    """

    rows: int
    tokens: int
    scores: int = 1 << 24


@dataclass(frozen=True, slots=True)
class Plan:
    """Indices into the waiting rows, the head first, and the length of their common prefix."""

    indices: tuple[int, ...]
    prefix: int


def plan(waiting: Sequence[Row], limits: Limits, cost: CostModel = DEFAULT_COST) -> Plan:
    """Choose the next batch from a queue that is not empty."""
    head = waiting[0]
    mates = [i for i in range(1, len(waiting)) if _may_share(head, waiting[i])]
    shared = {i: _common(head.prompt, waiting[i].prompt) for i in mates}

    def distance(i: int) -> int:
        return abs(len(waiting[i].prompt) - len(head.prompt))

    lines: list[Callable[[int], tuple[int, int]]] = [
        lambda i: (distance(i), -shared[i]),
        lambda i: (-shared[i], distance(i)),
    ]
    plans = [p for line in lines for p in _beginnings(waiting, sorted(mates, key=line), shared, limits)]
    return min(plans, key=lambda p: _cost_per_row(p, waiting, cost))


def forced_tokens(rows: Sequence[Row]) -> list[int]:
    """For each row of a batch, the prompt tokens that are forced one step at a time."""
    shortest = min(len(row.prompt) for row in rows)
    return [len(row.prompt) - shortest for row in rows]


def _may_share(head: Row, row: Row) -> bool:
    if row.options != head.options:
        return False
    if head.options.num_beams > 1:  # a batch of beams runs to one limit and cannot be cut row by row
        return len(row.prompt) == len(head.prompt) and row.max_new_tokens == head.max_new_tokens
    if head.options.sees_forced_tokens:
        return len(row.prompt) == len(head.prompt)
    return (len(row.prompt) < MIN_TAIL) == (len(head.prompt) < MIN_TAIL)


def _beginnings(
    waiting: Sequence[Row], line: Sequence[int], shared: dict[int, int], limits: Limits
) -> Iterator[Plan]:
    """Every batch of the head and the first so many of the line that the limits allow."""
    head = waiting[0]
    chosen = [0]
    common = shortest = longest = len(head.prompt)
    tokens = longest + head.max_new_tokens
    yield Plan((0,), 0)
    for i in line:
        row = waiting[i]
        common = min(common, shared[i])
        shortest, longest = min(shortest, len(row.prompt)), max(longest, len(row.prompt))
        tokens += len(row.prompt) + row.max_new_tokens
        count = len(chosen) + 1
        if count > limits.rows or tokens > limits.tokens or count * longest**2 > limits.scores:
            return
        chosen.append(i)
        prefix = min(common, shortest - MIN_TAIL)
        yield Plan(tuple(chosen), prefix if prefix >= _MIN_PREFIX else 0)


def _cost_per_row(candidate: Plan, waiting: Sequence[Row], cost: CostModel) -> float:
    rows = [waiting[i] for i in candidate.indices]
    shortest = min(len(row.prompt) for row in rows)
    steps = max(len(row.prompt) - shortest + row.max_new_tokens for row in rows)
    prefill_s = cost.prefill_s(len(rows), shortest, candidate.prefix)
    return (prefill_s + steps * cost.step_s(len(rows), shortest + steps / 2)) / len(rows)


def _common(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    """Length of the common prefix, by bisection: slices compare in C."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[:middle] == b[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
