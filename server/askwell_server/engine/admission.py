"""Who is admitted: predicts when a row would end, and refuses what could not end in time.

A row's share is the lane time that it takes in a full batch of its like, by the cost model. What waits before
a row, and what is left of the batches that run, are shares too; over the lanes they make its wait. Three
things are learned from rows that ended: how many of the tokens it may write a row writes, how much of its
share it really took (a shared prefix makes it less), and how far predictions fell short.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence

from .cost import CostModel
from .planner import Limits
from .row import Row

_TYPICAL_ROWS = 8
_WEIGHT = 0.05  # of one observation
_REMEMBERED = 256
_FEW = 20  # observations that are too few to know a margin by
_FIRST_MARGIN, _LARGEST_MARGIN = 1.25, 3.0
_SURE = 0.98  # of admitted rows are to end before their margin is used up


class Forecast:
    """Predicted times of rows on one kind of device."""

    def __init__(self) -> None:
        self._written = 1.0  # new tokens of what a row may have, on average
        self._took = 1.0  # lane time of what was predicted
        self._shortfalls: deque[float] = deque(
            maxlen=_REMEMBERED
        )  # actual over predicted time to a row's end

    def share_s(self, row: Row, cost: CostModel, limits: Limits) -> float:
        """Lane seconds of the row as one of a full batch."""
        count = self._company(row, limits)
        return self._took * self._batch_s(row, count, cost) / count

    def own_s(self, row: Row, cost: CostModel, limits: Limits) -> float:
        """Seconds from the row's start to its end in a full batch."""
        return self._took * self._batch_s(row, self._company(row, limits), cost)

    @property
    def margin(self) -> float:
        """What a prediction is multiplied with to be kept nearly always."""
        if len(self._shortfalls) < _FEW:
            return _FIRST_MARGIN
        worst = sorted(self._shortfalls)[math.ceil(_SURE * len(self._shortfalls)) - 1]
        return min(max(worst, 1.0), _LARGEST_MARGIN)

    def learn_batch(self, shares_s: float, taken_s: float) -> None:
        """A batch of rows with these shares in all took so long."""
        if shares_s > 0 and taken_s > 0:
            factor = min(max(taken_s / shares_s, 0.25), 4.0)
            self._took *= factor**_WEIGHT
            self._took = min(max(self._took, 0.1), 4.0)

    def learn_row(self, row: Row, new_tokens: int, predicted_s: float | None, taken_s: float) -> None:
        """A row ended by itself after so many tokens."""
        self._written += _WEIGHT * (min(1.0, new_tokens / row.max_new_tokens) - self._written)
        if predicted_s:
            self._shortfalls.append(taken_s / predicted_s)

    def _company(self, row: Row, limits: Limits) -> int:
        if row.options.num_beams > 1:
            return 1
        tokens = len(row.prompt) + row.max_new_tokens
        return max(1, min(_TYPICAL_ROWS, limits.rows, limits.tokens // tokens))

    def _batch_s(self, row: Row, count: int, cost: CostModel) -> float:
        new = max(row.min_new_tokens, math.ceil(self._written * row.max_new_tokens), 1)
        beams = row.options.num_beams
        return cost.batch_s([(len(row.prompt), new)] * (count * beams))


def wait_s(ahead_s: Iterable[float], running_s: Sequence[float], lanes: int) -> float:
    """Seconds until a lane is free for who waits behind shares of ``ahead_s``.

    ``running_s`` are what is left of the batches that run; a lane without one is free now.
    """
    if lanes == 0:
        return math.inf
    free_at_s = sorted([0.0] * (lanes - len(running_s)) + list(running_s))
    work_s = sum(ahead_s)
    # Work fills the lanes like water: the level at which all of it is done.
    filled = 0.0
    for count, level_s in enumerate(free_at_s, 1):
        following_s = free_at_s[count] if count < lanes else math.inf
        room_s = (following_s - level_s) * count
        if work_s <= filled + room_s:
            return level_s + (work_s - filled) / count
        filled += room_s
    return free_at_s[-1]
