"""The statistics of a certificate: how far a model's predictions are from its reference's.

divergence = Divergence()
divergence.add(reference_logits, model_logits, ids[1:])  # window by window
divergence.figures().mean_kl.value
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from askwell_manifest import Interval

from .checkpoint import FloatRows

# Positions next to each other are wrong together: the bootstrap draws blocks of them.
BLOCK_POSITIONS = 128
RESAMPLES = 4000
CHUNK_POSITIONS = 32  # some megabytes of float32, so that the passes over it run in the CPU's cache
TOP = 5
_COLUMNS = ("count", "nll_reference", "nll", "kl", "top1", "top5")

Sums = npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """A figure and its 95% interval."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Figures:
    """Keys as ``askwell_manifest.Certificate`` has them, which says what each means."""

    tokens: int
    perplexity_reference: float
    perplexity: float
    perplexity_ratio: Estimate
    mean_kl: Estimate
    same_top1: Estimate
    same_top5: Estimate
    largest_deviation: float


class Divergence:
    """How far a model is from its reference, over the positions that were added."""

    def __init__(self) -> None:
        self._blocks: list[Sums] = []
        self._largest = 0.0

    def add(self, expected: FloatRows, got: FloatRows, following: Sequence[int]) -> None:
        """Logits, or log-probabilities, of reference and model, [positions, vocabulary], and the token that
        followed each position. Raises ValueError when a value is no finite number."""
        told = np.asarray(following)
        columns = np.empty((len(told), len(_COLUMNS)))
        for start in range(0, len(told), CHUNK_POSITIONS):
            part = slice(start, min(start + CHUNK_POSITIONS, len(told)))
            self._compare(
                log_probabilities(expected[part]), log_probabilities(got[part]), told[part], columns[part]
            )
        if not np.isfinite(columns).all():
            raise ValueError("the model computes values that are no numbers")
        starts = np.arange(0, len(told), BLOCK_POSITIONS)
        self._blocks.extend(np.add.reduceat(columns, starts, axis=0))

    def _compare(
        self, expected: FloatRows, got: FloatRows, told: npt.NDArray[np.intp], columns: Sums
    ) -> None:
        """Fill ``columns``, one row for each position."""
        rows = np.arange(len(told))
        chance = np.exp(expected)
        columns[:, 0] = 1
        columns[:, 1] = -expected[rows, told]
        columns[:, 2] = -got[rows, told]
        columns[:, 3] = np.einsum("ij,ij->i", chance, expected - got, dtype=np.float64)
        chance -= np.exp(got)
        self._largest = max(self._largest, float(chance.max()), -float(chance.min()))
        top, top_got = (np.argpartition(each, -TOP, axis=1)[:, -TOP:] for each in (expected, got))
        columns[:, 4] = expected.argmax(1) == got.argmax(1)
        columns[:, 5] = (top[:, :, None] == top_got[:, None, :]).any(2).mean(1)

    def figures(self) -> Figures:
        """Of at least one position."""
        blocks = np.array(self._blocks)
        drawn = np.random.default_rng(0).multinomial(
            len(blocks), np.full(len(blocks), 1 / len(blocks)), RESAMPLES
        )
        means, spread = _means(blocks.sum(0)), _means(drawn @ blocks)

        def estimate(value: float, resampled: Sums) -> Estimate:
            low, high = np.quantile(resampled, (0.025, 0.975))
            return Estimate(round(value, 5), (round(float(low), 5), round(float(high), 5)))

        return Figures(
            tokens=int(blocks[:, 0].sum()),
            perplexity_reference=round(float(np.exp(means[1])), 3),
            perplexity=round(float(np.exp(means[2])), 3),
            perplexity_ratio=estimate(
                float(np.exp(means[2] - means[1])), np.exp(spread[:, 2] - spread[:, 1])
            ),
            mean_kl=estimate(float(means[3]), spread[:, 3]),
            same_top1=estimate(float(means[4]), spread[:, 4]),
            same_top5=estimate(float(means[5]), spread[:, 5]),
            largest_deviation=round(self._largest, 4),
        )


def log_probabilities(values: FloatRows) -> FloatRows:
    """Of logits; of log-probabilities as well, which float16 rounds until they no longer add up to one."""
    shifted: FloatRows = values - values.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def _means(sums: Sums) -> Sums:
    """Sums of the columns, divided by the count of positions."""
    means: Sums = sums / sums[..., :1]
    return means
