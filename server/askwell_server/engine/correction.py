"""How a cost model is corrected by what batches really took."""

from collections import deque
from statistics import median

from .cost import CostModel

_WEIGHT = 0.1  # of one batch; the machine's mood changes within a few
_BOUNDS = 0.2, 5.0
_REMEMBERED = 64  # batches


class Correction:
    """Two factors on a cost model, one for prefills and one for steps, that follow what is observed.

    Each batch moves a factor by a tenth of the way, on a logarithmic scale, to where its own time would have
    been predicted rightly.
    """

    def __init__(self, measured: CostModel) -> None:
        self._measured = measured
        self._prefill = self._step = 1.0
        self._errors: deque[float] = deque(maxlen=_REMEMBERED)
        self.cost = measured

    @property
    def error(self) -> float | None:
        """Median relative error of the last batches' predictions; None before the first."""
        return median(self._errors) if self._errors else None

    def observe(self, prefill_s: tuple[float, float], decode_s: tuple[float, float]) -> None:
        """One batch: what was predicted by ``cost``, and what it took. What took no time tells nothing."""
        self._prefill = _moved(self._prefill, *prefill_s)
        self._step = _moved(self._step, *decode_s)
        predicted_s, taken_s = prefill_s[0] + decode_s[0], prefill_s[1] + decode_s[1]
        if taken_s > 0:
            self._errors.append(abs(predicted_s - taken_s) / taken_s)
        self.cost = self._measured.scaled(self._prefill, self._step)


def _moved(factor: float, predicted_s: float, taken_s: float) -> float:
    if predicted_s <= 0 or taken_s <= 0:
        return factor
    low, high = _BOUNDS
    moved: float = factor * (taken_s / predicted_s) ** _WEIGHT
    return min(max(moved, low), high)
