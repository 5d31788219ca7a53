"""Which waiting rows run next, together. Pure: no clock, no engine.

The head of the queue always runs; the question is with whom. Three facts of CTranslate2 decide:

- a batch has one set of options;
- what all its prompts begin with is computed once (the prefix); of the rest, the batch computes at once only
  as much as its shortest prompt has, and forces what longer prompts have on top one decoding step at a time;
- a step costs little more for many rows than for one.

A batch is judged by its predicted seconds for the work that its rows bring. A row's work is what it costs
among rows like itself, so rows alike are judged by their seconds per row; but a short row, which a long one
would slow down, does not count for as much as another long one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .company import MIN_TAIL, Limits, batch_minimum, companies
from .cost import CostModel
from .row import Row
from .search import Group, Search, Shape

__all__ = ["MIN_TAIL", "Expect", "Limits", "Plan", "forced_tokens", "most", "plan"]

_MIN_PREFIX = 16  # below this a second prefill call costs more than it spares
_PREFIXES = 3  # common prefixes that are tried for one head
_NEAR = 8  # tokens by which common prefixes may differ and be tried as one
_PRESSED = 0.25  # of the cost, that a batch may take more to keep the deadlines of mates
_FEWER = 0.03  # of the cost, that fewer rows may take more: a long batch keeps others from the lane
_SHORTER = 0.75  # of the time; rows that leave must free the lane sooner, or they had better stay


Expect: TypeAlias = Callable[[Row], int]
"""How many new tokens a row will write, as far as anybody can tell; at least 1."""


def most(row: Row) -> int:
    """All it may."""
    return row.max_new_tokens


@dataclass(frozen=True, slots=True)
class Plan:
    """Indices into the waiting rows, the head first, and how the engine is to run them.

    ``prefix`` tokens are common to all, and ``cached`` if they are a registered prefix. ``seconds`` are
    predicted for the whole batch.
    """

    indices: tuple[int, ...]
    prefix: int
    cached: bool = False
    min_new_tokens: int = 0
    seconds: float = 0.0


def plan(
    waiting: Sequence[Row],
    limits: Limits,
    cost: CostModel,
    now_s: float = 0.0,
    registered: Sequence[tuple[int, ...]] = (),
    expect: Expect = most,
) -> Plan:
    """Choose the next batch from a queue that is not empty. ``expect`` tells how much a row will write."""
    beams = waiting[0].options.num_beams
    if beams > 1:
        limits, cost = limits.with_beams(beams), cost.with_beams(beams)
    planning = _Planning(waiting, limits, cost, now_s, registered, expect)
    return min((planning.among(mates) for mates in companies(waiting)), key=planning.ratio)


def forced_tokens(rows: Sequence[Row]) -> list[int]:
    """For each row of a batch, the prompt tokens that are forced one step at a time."""
    shortest = min(len(row.prompt) for row in rows)
    return [len(row.prompt) - shortest for row in rows]


class _Planning:
    """One choice of a batch. Rows are spoken of by their index into those who wait."""

    def __init__(
        self,
        waiting: Sequence[Row],
        limits: Limits,
        cost: CostModel,
        now_s: float,
        registered: Sequence[tuple[int, ...]],
        expect: Expect,
    ) -> None:
        self._waiting = waiting
        self._cost = cost
        self._now_s = now_s
        self._shapes: list[Shape] = [(len(row.prompt), expect(row)) for row in waiting]
        sizes = [len(row.prompt) + row.max_new_tokens for row in waiting]
        self._search = Search(self._shapes, sizes, limits, cost)
        head = waiting[0].prompt
        self._shares = not waiting[0].options.reproducible
        fitting = [each for each in registered if self._shares and _continues(head, each)]
        self._registered = max(fitting, key=len, default=())
        self._shared: dict[int, int] = {0: len(head)}
        self._least_s: dict[int, float] = {}  # how soon a row could end, the head being in its batch

    def among(self, mates: Sequence[int]) -> Plan:
        """The best batch of the head and some of the mates."""
        for i in mates:
            if i not in self._shared:
                self._shared[i] = self._common(self._waiting[i].prompt)
        alone = self.ratio(self._settle((0,)))
        best = self._settle(self._search.best(self._groups(mates), alone))
        return self._keep_deadlines(self._with_fewer(best))

    def ratio(self, made: Plan) -> float:
        return self._search.ratio(made.indices, made.seconds)

    def _common(self, prompt: tuple[int, ...]) -> int:
        """Length of what a prompt and the head's begin with, 0 if too short to use. By bisection: slices
        compare in C."""
        head = self._waiting[0].prompt
        if not self._shares or head[:_MIN_PREFIX] != prompt[:_MIN_PREFIX]:
            return 0
        low, high = 0, min(len(head), len(prompt))
        if head[:high] == prompt[:high]:
            return high
        while low < high:
            middle = (low + high + 1) // 2
            if head[low:middle] == prompt[low:middle]:
                low = middle
            else:
                high = middle - 1
        return low

    def _groups(self, mates: Sequence[int]) -> list[Group]:
        """Mates by what they share with the head: anything, a prefix, a registered prefix."""
        groups = [Group(mates)]
        levels: list[tuple[int, int]] = []  # (longest, least) of prefixes that are tried as one
        for shared in sorted({self._shared[i] for i in mates}, reverse=True):
            if levels and levels[-1][0] - shared <= _NEAR:
                levels[-1] = (levels[-1][0], shared)
            elif shared >= _MIN_PREFIX:
                levels.append((shared, shared))
        sharing = [Group([i for i in mates if self._shared[i] >= least], least) for _, least in levels]
        sharing.sort(key=lambda group: -group.prefix * len(group.mates))
        groups += sharing[:_PREFIXES]
        if self._registered:
            holding = [i for i in mates if _continues(self._waiting[i].prompt, self._registered)]
            groups.append(Group(holding, len(self._registered), cached=True))
        return groups

    def _settle(self, indices: tuple[int, ...]) -> Plan:
        """A batch of these rows, with the prefix that costs least."""
        rows = [self._waiting[i] for i in indices]
        shapes = [self._shapes[i] for i in indices]
        prefixes = [(0, False)]
        common = min(min(self._shared[i] for i in indices), min(shapes)[0] - MIN_TAIL)
        if len(rows) > 1 and common >= _MIN_PREFIX:
            prefixes.append((common, False))
        if self._registered and all(_continues(row.prompt, self._registered) for row in rows):
            prefixes.append((len(self._registered), True))
        seconds, prefix, cached = min(
            (self._cost.batch_s(shapes, prefix, cached=cached), prefix, cached) for prefix, cached in prefixes
        )
        return Plan(indices, prefix, cached, batch_minimum(rows), seconds)

    def _with_fewer(self, best: Plan) -> Plan:
        """The batch without those rows that hardly make it better and make it long, if they are enough for
        another."""
        most = self.ratio(best) * (1 + _FEWER)
        least = best
        while len(least.indices) > 1:
            fewer = min((self._without(least, i) for i in self._burdens(least)), key=self.ratio)
            if self.ratio(fewer) > most:
                break
            least = fewer
        left = len(best.indices) - len(least.indices)
        shorter = least.seconds <= _SHORTER * best.seconds
        return least if shorter and left >= len(least.indices) / 2 else best

    def _keep_deadlines(self, made: Plan) -> Plan:
        """The batch without those rows for whose sake another would miss its deadline; without the latter
        where too much would have to go for it."""
        kept = self._relieved(made)
        if self.ratio(kept) <= self.ratio(made) * (1 + _PRESSED):
            return kept
        late = set(self._late(made)) - {0}
        return self._relieved(self._settle(tuple(i for i in made.indices if i not in late)))

    def _relieved(self, made: Plan) -> Plan:
        """The batch without mates, until nobody is late."""
        while len(made.indices) > 1 and (late := self._late(made)):
            burdens = self._burdens(made)
            burdens = [i for i in burdens if i not in late] or burdens
            made = min(
                (self._without(made, i) for i in burdens),
                key=lambda fewer: (len(self._late(fewer)), self.ratio(fewer)),
            )
        return made

    def _late(self, made: Plan) -> list[int]:
        """Rows that miss a deadline in this batch and would not in a batch with the head alone."""
        waiting = self._waiting
        if all(waiting[i].deadline_s is None for i in made.indices):
            return []
        late = []
        for i, end_s in zip(made.indices, self._ends_s(made), strict=True):
            deadline_s = waiting[i].deadline_s
            if deadline_s is not None and self._now_s + end_s > deadline_s:
                if i not in self._least_s:
                    self._least_s[i] = self._ends_s(self._settle((0, i) if i else (0,)))[-1]
                if self._now_s + self._least_s[i] <= deadline_s:
                    late.append(i)
        return late

    def _ends_s(self, made: Plan) -> list[float]:
        shapes = [self._shapes[i] for i in made.indices]
        return self._cost.ends_s(shapes, made.prefix, cached=made.cached)

    def _burdens(self, made: Plan) -> list[int]:
        """Mates whose leaving may help most: the longest to run, the shortest prompt, the last in order."""
        mates = made.indices[1:]
        longest = max(mates, key=lambda i: (sum(self._shapes[i]), i))
        shortest = min(mates, key=lambda i: (self._shapes[i][0], -i))
        return sorted({longest, shortest, mates[-1]}, reverse=True)

    def _without(self, made: Plan, leaving: int) -> Plan:
        return self._settle(tuple(i for i in made.indices if i != leaving))


def _continues(prompt: tuple[int, ...], prefix: tuple[int, ...]) -> bool:
    """Whether a prompt begins with a prefix and goes on for as long as the engine needs."""
    return len(prompt) >= len(prefix) + MIN_TAIL and prompt[: len(prefix)] == prefix
