"""Means with an interval that knows the jobs.

Questions of one job resemble one another, so jobs are drawn, not questions: each draw takes as many jobs as
there are, with replacement, and pools their values. The interval holds the middle 95 % of 2,000 draws'
means (percentile bootstrap).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Estimate:
    """``count`` values of ``jobs`` jobs. An interval from one job is that job's mean, twice."""

    mean: float
    low: float
    high: float
    count: int
    jobs: int

    @property
    def told(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def estimate(jobs: Sequence[Sequence[float]], seed: int = 0) -> Estimate | None:
    """Of the pooled mean of the jobs' values; jobs without a value are left out. None without any value."""
    kept = [values for values in jobs if len(values)]
    if not kept:
        return None
    sums = np.array([sum(values) for values in kept], float)
    counts = np.array([len(values) for values in kept], float)
    drawn = np.random.default_rng(seed).integers(len(kept), size=(DRAWS, len(kept)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return Estimate(float(sums.sum() / counts.sum()), float(low), float(high), int(counts.sum()), len(kept))
