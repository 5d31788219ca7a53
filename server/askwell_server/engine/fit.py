"""A cost model from a few measured batches.

Least squares of the relative errors (a tenth too much weighs the same for a short step as for a long prefill)
with coefficients that are not negative.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import combinations

import numpy as np

from .cost import CostModel

_NAMES = [each.name for each in fields(CostModel)]
_COUNT = len(_NAMES)
# A model with one coefficient of 1 tells how much of it a batch takes, by the very formulas of the model.
_UNITS = [CostModel(*(float(i == j) for i in range(_COUNT))) for j in range(_COUNT)]
# These two grow with the square of a prompt and with all that is cached, and decide about long prompts that
# may never have been measured: each must explain one percent of the seconds at least.
_FAR_REACHING = frozenset({"prefill_pair_s", "step_cached_s"})
_BETTER, _WORTH_IT = 1e-9, 1e-4


def _reach(chosen: Sequence[int]) -> int:
    return sum(_NAMES[i] in _FAR_REACHING for i in chosen)


_CHOICES = sorted(
    (list(chosen) for size in range(1, _COUNT + 1) for chosen in combinations(range(_COUNT), size)),
    key=lambda chosen: (_reach(chosen), -len(chosen)),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """``price`` is what a cost model says of that which took ``seconds``."""

    price: Callable[[CostModel], float]
    seconds: float


def fit_cost(samples: Sequence[Sample]) -> CostModel:
    """Samples that took no time (the clock is coarse) are passed over; at least one must be left.

    The best coefficients of which none is negative are the plain least squares on some of them, the others
    being 0: with six there are 63 choices, all tried. Samples that do not tell two terms apart share the cost
    out between them, since of equally good choices the one with the most coefficients stays; but a
    far-reaching term is only there if it is needed.
    """
    samples = [sample for sample in samples if sample.seconds > 0]
    terms = np.array([[sample.price(unit) for unit in _UNITS] for sample in samples])
    matrix = terms / np.array([[sample.seconds] for sample in samples])
    scale = np.linalg.norm(matrix, axis=0)  # the terms are seven orders of magnitude apart
    scale[scale == 0] = 1
    matrix /= scale
    best, least, reach = np.zeros(_COUNT), float("inf"), 0
    for chosen in _CHOICES:
        found = np.linalg.lstsq(matrix[:, chosen], np.ones(len(samples)), rcond=1e-6)[0]
        if found.min() < 0:
            continue
        error = float(np.square(matrix[:, chosen] @ found - 1).sum())
        further = _reach(chosen) - reach
        if error < least - _BETTER - further * _WORTH_IT * len(samples):
            least, reach, best = error, reach + further, np.zeros(_COUNT)
            best[chosen] = found
    return CostModel(*(float(each) for each in best / scale))
