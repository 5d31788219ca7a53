"""What became of each request, simulated or real, and what that adds up to.

The definitions are the load run's: times count from when a request was due, rates divide by the time from
the first arrival to the last end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..load.summary import Limits


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request. ``first_s`` and ``end_s`` are None when they never came: it was refused, or failed."""

    due_s: float
    tokens: int
    first_s: float | None
    end_s: float | None

    def kept(self, limits: Limits) -> bool:
        """Whether it ended, and within the limits."""
        if self.first_s is None or self.end_s is None:
            return False
        first_s, end_to_end_s = self.first_s - self.due_s, self.end_s - self.due_s
        return (limits.first_s is None or first_s <= limits.first_s) and (
            limits.end_to_end_s is None or end_to_end_s <= limits.end_to_end_s
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """One schedule of one trace. Seconds; rates are per second. ``good_share`` is of all requests."""

    requests_per_s: float
    tokens_per_s: float
    goodput_per_s: float
    good_share: float
    first_p50_s: float
    first_p95_s: float
    end_to_end_p50_s: float
    end_to_end_p95_s: float
    end_to_end_mean_s: float


def figures(outcomes: Sequence[Outcome], limits: Limits) -> Figures:
    """Raises ValueError when nothing ended."""
    ended = [each for each in outcomes if each.first_s is not None and each.end_s is not None]
    if not ended:
        raise ValueError("no request ended")
    duration_s = max(each.end_s or 0.0 for each in ended) - min(each.due_s for each in outcomes)
    firsts_s = [(each.first_s or 0.0) - each.due_s for each in ended]
    ends_s = [(each.end_s or 0.0) - each.due_s for each in ended]
    good = sum(each.kept(limits) for each in outcomes)
    first_p50_s, first_p95_s = (float(each) for each in np.percentile(firsts_s, (50, 95)))
    end_p50_s, end_p95_s = (float(each) for each in np.percentile(ends_s, (50, 95)))
    return Figures(
        requests_per_s=len(ended) / duration_s,
        tokens_per_s=sum(each.tokens for each in ended) / duration_s,
        goodput_per_s=good / duration_s,
        good_share=good / len(outcomes),
        first_p50_s=first_p50_s,
        first_p95_s=first_p95_s,
        end_to_end_p50_s=end_p50_s,
        end_to_end_p95_s=end_p95_s,
        end_to_end_mean_s=float(np.mean(ends_s)),
    )
