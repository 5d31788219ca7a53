"""Measuring points again and again, in turn, until the time is used up."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Point = TypeVar("Point")
Value = TypeVar("Value")

_TELL_EVERY_S = 5.0


@dataclass(slots=True)
class Repeated(Generic[Point, Value]):
    """Each point's values, one a round.

    ``left_out`` are the points that the time did not allow even once, ``stopped`` what broke the
    measuring off; the values until then stand.
    """

    values: dict[Point, list[Value]] = field(default_factory=dict)
    left_out: list[Point] = field(default_factory=list)
    stopped: BaseException | None = None


def repeat(
    name: str,
    points: Sequence[Point],
    measure: Callable[[Point], Value],
    *,
    budget_s: float,
    rounds: int,
    least: int = 1,
    expected_s: Callable[[Point], float] = lambda point: 0.0,
    clock: Callable[[], float] = time.monotonic,
) -> Repeated[Point, Value]:
    """At most ``rounds`` rounds, and no round that would not end within ``budget_s`` if it took as long as
    the one before.

    Of the first round, what comes after the budget is left out, but for the ``least`` first points: cheap
    ones go first. So is what is expected to take more than twice the budget on its own.
    """
    found: Repeated[Point, Value] = Repeated()
    found.left_out = [point for point in points if expected_s(point) > 2 * budget_s]
    points = [point for point in points if point not in found.left_out]
    start = told = clock()
    try:
        for turn in range(rounds):
            turn_start = clock()
            for index, point in enumerate(points):
                now = clock()
                if turn == 0 and index >= least and now - start > budget_s:
                    found.left_out = [*points[index:], *found.left_out]
                    return found
                if now - told >= _TELL_EVERY_S:
                    _tell(f"{name}: round {turn + 1}, {index + 1} of {len(points)}")
                    told = now
                value = measure(point)
                found.values.setdefault(point, []).append(value)
            if 2 * clock() - turn_start - start > budget_s:
                break
    except (KeyboardInterrupt, RuntimeError) as error:
        found.stopped = error
    return found


def _tell(line: str) -> None:
    print(f"  … {line}", file=sys.stderr, flush=True)
