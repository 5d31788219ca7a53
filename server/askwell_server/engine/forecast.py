"""When a row would end, and what is learned from those that ended.

A row's share is the lane time that it takes in a full batch of its like, by the cost model. What waits before
a row, and what is left of the batches that run, are shares too; over the lanes they make its wait. Three
things are learned from what ended: how many of the tokens it may write a row writes, by how much it may; how
much of their shares the rows of a batch really take while others wait (a shared prefix makes it less, a queue
without rows that fit together makes it more); and how far predictions fell short, priority by priority.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence

from .cost import CostModel
from .planner import Limits
from .row import Priority, Row

_TYPICAL_ROWS = 8
_WEIGHT = 0.05  # of one observation
_PACES = 0.2, 5.0
_REMEMBERED = 256
_FEW = 20  # observations that are too few to know a margin by
_FIRST_MARGIN, _LARGEST_MARGIN = 1.25, 3.0
_SURE = 0.98  # of admitted rows are to end before their margin is used up


class Forecast:
    """Predicted times of rows on one kind of device."""

    def __init__(self) -> None:
        self._written: dict[
            int, float
        ] = {}  # new tokens of what a row may have, by the latter's power of two
        self._pace = 1.0  # lane time of a batch over its rows' shares
        self._shortfalls = {priority: deque[float](maxlen=_REMEMBERED) for priority in Priority}

    def expect(self, row: Row) -> int:
        """New tokens that a row will write."""
        if row.options.num_beams > 1:  # its batch runs to its limit
            return row.max_new_tokens
        written = self._written.get(row.max_new_tokens.bit_length(), 1.0)
        return max(row.min_new_tokens, math.ceil(written * row.max_new_tokens), 1)

    def share_s(self, row: Row, cost: CostModel, limits: Limits) -> float:
        """Lane seconds of the row as one of a full batch, by the cost model alone."""
        count = self._company(row, limits)
        return self._batch_s(row, count, cost) / count

    def own_s(self, row: Row, cost: CostModel, limits: Limits) -> float:
        """Seconds from the row's start to its end in a full batch."""
        return self._batch_s(row, self._company(row, limits), cost)

    def paced(self, share_s: float) -> float:
        """What a share takes while others wait."""
        return self._pace * share_s

    def margin(self, priority: Priority) -> float:
        """What a prediction is multiplied with to be kept nearly always."""
        shortfalls = self._shortfalls[priority]
        if len(shortfalls) < _FEW:
            return _FIRST_MARGIN
        worst = sorted(shortfalls)[math.ceil(_SURE * len(shortfalls)) - 1]
        return min(max(worst, 1.0), _LARGEST_MARGIN)

    def learn_batch(self, shares_s: float, taken_s: float) -> None:
        """A batch of rows with these shares in all took so long, while others waited."""
        if shares_s > 0 and taken_s > 0:
            low, high = _PACES
            pace = min(max(taken_s / shares_s, low), high)
            self._pace *= (pace / self._pace) ** _WEIGHT

    def learn_row(self, row: Row, new_tokens: int) -> None:
        """A row ended by itself after so many tokens."""
        kind = row.max_new_tokens.bit_length()
        written = self._written.get(kind, 1.0)
        self._written[kind] = written + _WEIGHT * (min(1.0, new_tokens / row.max_new_tokens) - written)

    def learn_end(self, priority: Priority, predicted_s: float, taken_s: float) -> None:
        """A row ended, or was given up, after so long."""
        if predicted_s > 0:
            self._shortfalls[priority].append(taken_s / predicted_s)

    def _company(self, row: Row, limits: Limits) -> int:
        beams = row.options.num_beams
        tokens = (len(row.prompt) + row.max_new_tokens) * beams
        return max(1, min(_TYPICAL_ROWS // beams, limits.rows // beams, limits.tokens // tokens))

    def _batch_s(self, row: Row, count: int, cost: CostModel) -> float:
        return cost.with_beams(row.options.num_beams).batch_s([(len(row.prompt), self.expect(row))] * count)


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
