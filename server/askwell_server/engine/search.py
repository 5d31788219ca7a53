"""The best company for a head, by the cost model: which rows, and how long the shortest prompt is to be.

All rows of a batch have the same context at every step, so what a row costs does not depend on its company
once the shortest prompt and the prefix are given (``CostModel.ends_s``, rearranged)::

    seconds = prefill calls and prefix + step_call_s · steps + Σ own(row)
    own     = rest of the shortest prompt + the row's steps · (step_row_s + step_cached_s · its mean context)
    steps   = the most of any row; a row's: its tokens beyond the shortest prompt, and its new tokens

What is to be least is a ratio of sums, seconds / Σ work. Dinkelbach's method guesses it: a row gains
ratio · work − own, and the batch of the greatest gain has a better ratio than guessed, or the guess was the
best. For one shortest prompt and one longest end the greatest gain is that of the rows that gain most, so all
batches are covered without being tried.
"""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TypeAlias

from .company import MIN_TAIL, Limits
from .cost import CostModel

Shape: TypeAlias = tuple[int, int]  # prompt tokens, new tokens

_LIKE = 8  # rows of the batch by which a row's work is reckoned
_CUTS = 10  # lengths that are tried as the shortest prompt, from the head's downwards
_ROUNDS = 4  # guesses of the ratio; the best is found after two or three


@dataclass(frozen=True, slots=True)
class Group:
    """Mates, as indices in order, and the prefix that all share with the head.

    A prefix that is not ``cached`` may be used in part.
    """

    mates: Sequence[int]
    prefix: int = 0
    cached: bool = False


def work_s(shape: Shape, cost: CostModel) -> float:
    """A row's seconds in a batch of rows like itself."""
    length, new = shape
    return (cost.prefill_s(_LIKE, length) + new * cost.step_s(_LIKE, length + new / 2)) / _LIKE


class Search:
    """Finds the best batch with row 0 of ``shapes`` among groups of its mates.

    ``sizes`` are what rows may take of the cache, in tokens: more than their shapes where they are expected
    to write less than they may.
    """

    def __init__(
        self, shapes: Sequence[Shape], sizes: Sequence[int], limits: Limits, cost: CostModel
    ) -> None:
        self._shapes = shapes
        self._sizes = sizes
        self._ends = [length + new for length, new in shapes]
        self._limits = limits
        self._cost = cost
        known: dict[Shape, float] = {}
        self._work_s = [known.setdefault(shape, work_s(shape, cost)) for shape in shapes]

    def ratio(self, indices: Sequence[int], seconds: float) -> float:
        """Seconds of a batch for the seconds of work in it."""
        return seconds / sum(self._work_s[i] for i in indices)

    def best(self, groups: Sequence[Group], alone: float) -> tuple[int, ...]:
        """The best batch, the head first; ``alone`` is the head's own ratio.

        The first guess is what mates may expect elsewhere: between their work, a ratio of 1, and running
        alone. If no batch with this head is as good, mates join only as far as they would not do better in
        another: a poor head is no reason to waste good mates on it.
        """
        ratio = math.sqrt(alone)
        best: tuple[int, ...] = (0,)
        lines = [(group, sorted(group.mates, key=self._ends.__getitem__)) for group in groups]
        for _ in range(_ROUNDS):
            gain, best = max(
                (
                    self._richest(group, line, shortest, ratio)
                    for group, line in lines
                    for shortest in self._cuts(group)
                ),
                key=itemgetter(0),
            )
            if gain <= 1e-9 * self._work_s[0]:
                break
            ratio -= gain / sum(self._work_s[i] for i in best)
        return best

    def _cuts(self, group: Group) -> list[int]:
        """Lengths to try as the shortest prompt: the head's and the nearest below it."""
        most = self._shapes[0][0]
        least = group.prefix + MIN_TAIL if group.cached else 1
        lengths = {length for i in group.mates if least <= (length := self._shapes[i][0]) <= most}
        return sorted({most, *lengths}, reverse=True)[:_CUTS]

    def _richest(
        self, group: Group, line: Sequence[int], shortest: int, ratio: float
    ) -> tuple[float, tuple[int, ...]]:
        """The batch of the greatest gain at this shortest prompt.

        ``line`` is sorted by end, so that a row is met when the batch is about to run as long as it needs.
        """
        cost, limits, ends, shapes = self._cost, self._limits, self._ends, self._shapes
        sizes = self._sizes
        prefix = group.prefix if group.cached else max(0, min(group.prefix, shortest - MIN_TAIL))
        computed_s = cost.prefill_s(1, shortest, prefix, cached=group.cached)
        rest_s = cost.prefill_s(2, shortest, prefix, cached=group.cached) - computed_s  # of one more row
        per_row_s, per_context_s = cost.step_row_s, cost.step_cached_s

        def gain_of(i: int) -> float:
            steps = ends[i] - shortest
            step_s = per_row_s + per_context_s * (shortest + steps / 2)
            return ratio * self._work_s[i] - rest_s - steps * step_s

        head_end = ends[0]
        total = gain_of(0) - (computed_s - rest_s) - cost.step_call_s * (head_end - shortest)
        chosen: list[tuple[float, int]] = []  # a heap, the least gain first; of equals the last in order
        tokens, longest = sizes[0], shapes[0][0]
        best = total
        rows: tuple[int, ...] = (0,)
        for i in line:
            if shapes[i][0] < shortest or (gain := gain_of(i)) <= 0:
                continue
            heapq.heappush(chosen, (gain, -i))
            total, tokens, longest = total + gain, tokens + sizes[i], max(longest, shapes[i][0])
            while chosen and not limits.allow(len(chosen) + 1, tokens, longest):
                poorest, j = heapq.heappop(chosen)
                total, tokens = total - poorest, tokens - sizes[-j]
            tail_s = cost.step_call_s * max(0, ends[i] - head_end)
            if total - tail_s > best:
                best = total - tail_s
                rows = (0, *sorted(-j for _, j in chosen))
        return best, rows
