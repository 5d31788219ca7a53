"""The best set of questions, exactly: a mixed-integer linear program, small enough to solve in milliseconds.

Each candidate is one topic asked in one type, a binary x. The program maximises

    Σ (ITEM + value) x
      − TYPE · Σ_type |Σ x of the type − its share of the whole|
      − LEAN · |Σ (lean − the lean wanted) x|
      − LADDER · |Σ (difficulty − the difficulty wanted) x|
      − PLACE · (questions about a sentence that is asked about already)
      − FIELD · (each question of a field beyond its third, and again beyond its sixth)

so that what is soft is given up for a fuller set and never the other way round: no penalty of one more
question reaches ITEM. Hard are the number of questions, their minutes, one type for each topic, no two topics
that are nearly the same, and the bounds of MOTIVATION. Absolute values and excesses are continuous variables.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp

from .question import QuestionType

ITEM, TYPE, LEAN, LADDER, PLACE, FIELD = 9.0, 0.45, 1.1, 0.8, 1.2, 0.5
FIELD_STEPS = (3, 6)
# Nodes, not seconds: the same documents give the same plan on a busy machine. Most programs need one.
NODES = 200
# Told apart by their order where they are worth the same, so that there is one best set.
_TIE = 1e-5


@dataclass(frozen=True, slots=True)
class Candidate:
    """One topic asked in one type. ``lean``: 1 for what the candidate brings, 0 for what is missing.
    ``place``: the job's sentence that it stands on, None for none; ``field``: the skill's, "" for none."""

    topic: int
    type: QuestionType
    value: float
    minutes: int
    difficulty: int
    lean: float
    place: int | None
    field: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What the set should be like. ``types``: how many of each; ``same``: pairs of topics of which at most
    one is asked; ``motivation``: least and most of that type; ``places``: those asked about already."""

    count: int
    types: Mapping[QuestionType, float]
    lean: float
    difficulty: float
    minutes: int | None = None
    same: frozenset[tuple[int, int]] = frozenset()
    motivation: tuple[int, int] = (0, 0)
    places: frozenset[int] = frozenset()


def choose(candidates: Sequence[Candidate], wish: Wish) -> list[int]:
    """Places in ``candidates`` of the best set, ascending. A program that the solver gives up is chosen
    greedily, within the same hard limits; the best that it had found, if any, comes first."""
    if not candidates or wish.count < 1:
        return []
    program = _Program(candidates, wish)
    found = program.solve()
    return found if found is not None else greedy(candidates, wish)


class _Program:
    """Rows and columns of one program. The first columns are the candidates."""

    def __init__(self, candidates: Sequence[Candidate], wish: Wish) -> None:
        self._n = len(candidates)
        self._cost = [-(ITEM + c.value - _TIE * place) for place, c in enumerate(candidates)]
        self._rows: list[tuple[dict[int, float], float, float]] = []
        self._limits(candidates, wish)
        self._wishes(candidates, wish)

    def _limits(self, candidates: Sequence[Candidate], wish: Wish) -> None:
        everything = range(self._n)
        self._row(dict.fromkeys(everything, 1.0), 0, wish.count)
        if wish.minutes is not None:
            self._row({i: float(candidates[i].minutes) for i in everything}, 0, wish.minutes)
        by_topic = _grouped((c.topic, i) for i, c in enumerate(candidates))
        for group in by_topic.values():
            self._row(dict.fromkeys(group, 1.0), 0, 1)
        for one, other in wish.same:
            self._row(dict.fromkeys([*by_topic.get(one, ()), *by_topic.get(other, ())], 1.0), 0, 1)
        drawn = [i for i in everything if candidates[i].type is QuestionType.MOTIVATION]
        if drawn:
            fits = wish.minutes is None or min(candidates[i].minutes for i in drawn) <= wish.minutes
            self._row(dict.fromkeys(drawn, 1.0), wish.motivation[0] if fits else 0, wish.motivation[1])

    def _wishes(self, candidates: Sequence[Candidate], wish: Wish) -> None:
        for type_, wanted in wish.types.items():
            self._near({i: 1.0 for i, c in enumerate(candidates) if c.type is type_}, wanted, TYPE)
        self._near({i: c.lean - wish.lean for i, c in enumerate(candidates)}, 0, LEAN)
        self._near({i: c.difficulty - wish.difficulty for i, c in enumerate(candidates)}, 0, LADDER)
        for place, group in _grouped((c.place, i) for i, c in enumerate(candidates)).items():
            if place is not None:
                self._beyond(group, 0 if place in wish.places else 1, PLACE)
        for field, group in _grouped((c.field, i) for i, c in enumerate(candidates)).items():
            for step in FIELD_STEPS if field else ():
                self._beyond(group, step, FIELD)

    def _row(self, row: dict[int, float], low: float, high: float) -> None:
        self._rows.append((row, low, high))

    def _near(self, row: dict[int, float], wanted: float, cost: float) -> None:
        """Each unit away from ``wanted`` costs."""
        over, under = self._column(cost), self._column(cost)
        self._row({**row, over: -1.0, under: 1.0}, wanted, wanted)

    def _beyond(self, group: Iterable[int], free: int, cost: float) -> None:
        """Each of the group beyond ``free`` costs."""
        self._row({**dict.fromkeys(group, 1.0), self._column(cost): -1.0}, -inf, free)

    def _column(self, cost: float) -> int:
        self._cost.append(cost)
        return len(self._cost) - 1

    def solve(self) -> list[int] | None:
        """None when the solver's nodes run out before it has any set."""
        columns = len(self._cost)
        matrix: npt.NDArray[np.float64] = np.zeros((len(self._rows), columns))
        for at, (row, _, _) in enumerate(self._rows):
            matrix[at, list(row)] = list(row.values())
        low, high = (np.array([each[side] for each in self._rows]) for side in (1, 2))
        integral = np.arange(columns) < self._n
        result = milp(
            np.array(self._cost),
            integrality=integral,
            bounds=Bounds(0, np.where(integral, 1, inf)),
            constraints=LinearConstraint(matrix, low, high),
            # Presolving takes longer than solving.
            options={"node_limit": NODES, "mip_rel_gap": 0, "presolve": False},
        )
        if result.x is None:
            return None
        return [i for i in range(self._n) if result.x[i] > 0.5]


def greedy(candidates: Sequence[Candidate], wish: Wish) -> list[int]:
    """By value, one after the other: what motivates first where it is owed, new sentences before those that
    are asked about already. Keeps every hard limit, and no share but a type's own, rounded up."""
    order = sorted(range(len(candidates)), key=lambda i: (-candidates[i].value, i))
    owed = [i for i in order if candidates[i].type is QuestionType.MOTIVATION][: wish.motivation[0]]
    taken: list[int] = []
    minutes = wish.minutes if wish.minutes is not None else inf
    for strict in (True, False):
        for i in (*owed, *order):
            if (
                len(taken) < wish.count
                and i not in taken
                and _fits(candidates, taken, i, wish, minutes, strict)
            ):
                taken.append(i)
    return sorted(taken)


def _fits(
    candidates: Sequence[Candidate], taken: list[int], i: int, wish: Wish, minutes: float, strict: bool
) -> bool:
    new, chosen = candidates[i], [candidates[j] for j in taken]
    types = Counter(c.type for c in chosen)
    if sum(c.minutes for c in chosen) + new.minutes > minutes:
        return False
    if any(c.topic == new.topic or {(c.topic, new.topic), (new.topic, c.topic)} & wish.same for c in chosen):
        return False
    if new.type is QuestionType.MOTIVATION:
        return types[new.type] < wish.motivation[1]
    fresh = new.place is None or new.place not in {*wish.places, *(c.place for c in chosen)}
    return not strict or (fresh and types[new.type] < wish.types.get(new.type, 0) + 0.5)


def _grouped(pairs: Iterable[tuple[object, int]]) -> dict[object, list[int]]:
    groups: dict[object, list[int]] = defaultdict(list)
    for key, i in pairs:
        groups[key].append(i)
    return groups
