"""Whether the second of two measures is worse than the first, from their rounds.

A ratio is second / first, its interval the 95 % confidence interval of the mean log ratio. Where both were
measured in turns (the same pairing), round i stands against round i: Student's t on the differences of the
logs (``scipy.stats.ttest_rel``). Ratios that were made within one round each (``Measure.relative``) may stand
beside those of another run: Welch's t on their logs (``scipy.stats.ttest_ind``). Other values of runs that
did not take turns say what the machine's mood was; they are shown, never judged.

Rounds within one start of a process are not independent of that start: the layout of its memory and the
machine's neighbours on the host last longer than a round. So an interval between two unpaired runs is too
narrow, and its verdict a hint. What justifies a verdict are paired runs: ``load --against``.

The verdicts, with a limit of 1.05:

- worse: the estimate is worse by more than 1.05 times, and the interval excludes no change. Both, for the
  estimate alone condemns noise, and the interval alone condemns a loss that nobody minds.
- better: the whole interval is on the better side of no change.
- held: the whole interval is better than a loss of 1.05 times. This is what "no regression" takes.
- unclear: neither. The interval is too wide for the question; take more rounds.

A quantity that reaches 0 (the goodput of who keeps no limit) has no logs: its values are tested themselves,
and the limit is that share of the first mean. One that goes below 0 has no shares either: its difference is
shown with an interval and not judged, for how many milliseconds matter is not for this program to know. Each
interval stands for its measure alone; among forty of them one is expected to exclude no change by chance on
its worse side.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..result import Measure

Verdict = Literal["worse", "better", "held", "unclear"]
LEAST_ROUNDS = 3
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Judgement:
    """``first`` and ``second`` are geometric means where ``change`` is a ratio, plain ones where it is a
    difference. Without a ``verdict``, ``unjudged`` says why."""

    name: str
    unit: str
    better: Literal["higher", "lower"]
    rounds: tuple[int, int]
    first: float
    second: float
    kind: Literal["ratio", "difference"]
    change: float
    interval: tuple[float, float] | None = None
    verdict: Verdict | None = None
    unjudged: str | None = None


def judge(first: Measure, second: Measure, *, took_turns: bool, limit: float) -> Judgement:
    """``took_turns``: both are sides of one interleaved run. ``limit``: the ratio above which worse is worse.

    Raises ValueError when the measures are of different kinds.
    """
    if (first.unit, first.better) != (second.unit, second.better):
        raise ValueError(f"{first.name} is not the same quantity in both results")
    least = min(*first.values, *second.values)
    is_ratio = least > 0
    a, b = (np.log(each.values) if is_ratio else np.asarray(each.values) for each in (first, second))
    back = math.exp if is_ratio else float
    change = float(b.mean() - a.mean())
    paired = took_turns and len(a) == len(b)
    interval, verdict, unjudged = None, None, None
    if not paired and not (first.relative and second.relative):
        unjudged = "not paired: shown, not judged"
    elif min(len(a), len(b)) < LEAST_ROUNDS:
        unjudged = f"too few rounds: {LEAST_ROUNDS} at least"
    else:
        low, high = _interval(a, b, paired)
        interval = back(low), back(high)
        if least < 0:
            unjudged = "below 0: a difference, not judged"
        else:
            allowed = math.log(limit) if is_ratio else _share(float(a.mean()), first.better, limit)
            verdict = _verdict(change, low, high, first.better, allowed)
    return Judgement(
        name=first.name,
        unit=first.unit,
        better=first.better,
        rounds=(len(a), len(b)),
        first=back(float(a.mean())),
        second=back(float(b.mean())),
        kind="ratio" if is_ratio else "difference",
        change=back(change),
        interval=interval,
        verdict=verdict,
        unjudged=unjudged,
    )


def exit_code(judgements: Sequence[Judgement]) -> int:
    """1: something is worse. 2: nothing could be judged. 0 otherwise."""
    verdicts = [each.verdict for each in judgements if each.verdict]
    if not verdicts:
        return 2
    return 1 if "worse" in verdicts else 0


def _interval(
    a: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    b: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    paired: bool,
) -> tuple[float, float]:
    """Of the mean of b minus that of a."""
    from scipy import stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # scipy's doubts about values that are all the same
        test = stats.ttest_rel(b, a) if paired else stats.ttest_ind(b, a, equal_var=False)
        found = test.confidence_interval(_CONFIDENCE)
    return float(found.low), float(found.high)


def _share(mean: float, better: Literal["higher", "lower"], limit: float) -> float:
    """The loss that is let pass, in the measure's own unit."""
    return mean * (1 - 1 / limit) if better == "higher" else mean * (limit - 1)


def _verdict(
    change: float, low: float, high: float, better: Literal["higher", "lower"], allowed: float
) -> Verdict:
    """All are logs, or else plain differences; turned so that above 0 is worse."""
    if better == "higher":
        change, low, high = -change, -high, -low
    if change > allowed and low > 0:
        return "worse"
    if high < 0:
        return "better"
    return "held" if high <= allowed else "unclear"
