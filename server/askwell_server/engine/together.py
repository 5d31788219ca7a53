"""How long rows would take that come together, such as those of one question set."""

from collections.abc import Callable, Sequence

from .cost import CostModel
from .row import Row


def together_s(
    rows: Sequence[Row], cost: CostModel, expect: Callable[[Row], int], *, lanes: int, row_limit: int
) -> float:
    """Seconds from the start to the end of the last row, by the cost model: rows whose prompts begin alike
    share a batch and compute that beginning once, and batches are dealt to whichever lane is free first.

    Raises ValueError without a lane.
    """
    if lanes < 1:
        raise ValueError("there is no lane")
    in_order = sorted(rows, key=lambda row: row.prompt)
    size = max(1, min(row_limit, -(-len(rows) // lanes)))
    free_s = [0.0] * lanes
    for start in range(0, len(in_order), size):
        batch = in_order[start : start + size]
        first, last = batch[0].prompt, batch[-1].prompt
        # One token is left to each prompt. In order, what the first and the last share all of them share.
        most = min(len(row.prompt) for row in batch) - 1
        prefix = next((n for n in range(most) if first[n] != last[n]), most) if len(batch) > 1 else 0
        priced = cost.with_beams(batch[0].options.num_beams)
        free_s[free_s.index(min(free_s))] += priced.batch_s(
            [(len(row.prompt), expect(row)) for row in batch], prefix
        )
    return max(free_s)
