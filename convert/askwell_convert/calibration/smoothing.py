"""Moving range from the inputs of the last matrix of a feed-forward layer into its weights.

SmoothQuant (Xiao et al. 2022, https://arxiv.org/abs/2211.10438): an input channel is divided by what its
column of weights is multiplied with. The division is free where the channel is a row of the matrix before:
of ``up`` in a gated feed-forward, whose int8 values do not change, for a row has a scale of its own.
"""

import numpy as np

from ..checkpoint import FloatRows
from ..quantize import quantize_rows
from .activation_steps import rounded

STRENGTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
_TOKENS = 256  # that strengths are compared on
_SMALLEST = 0.02  # factor: a channel that was quiet here may be loud elsewhere


def smoothing_factors(inputs: FloatRows, weights: FloatRows, weight_range: int) -> tuple[FloatRows, float]:
    """What to divide the channels of ``inputs`` [tokens, channels] by, and multiply the columns of
    ``weights`` [rows, channels] with: [channels], and the strength that leaves the smallest error of the
    outputs."""
    highest_inputs = np.maximum(np.abs(inputs).max(axis=0), 1e-6)
    highest_weights = np.maximum(np.abs(weights).max(axis=0), 1e-6)
    some = inputs[:: max(1, len(inputs) // _TOKENS)]
    wanted = some @ weights.T
    best = np.ones(inputs.shape[1], np.float32), 0.0
    least = np.inf
    for strength in STRENGTHS:
        factors = best[0]  # of strength 0, which comes first: none
        if strength:
            factors = highest_inputs**strength / highest_weights ** (1 - strength)
            factors = np.maximum(factors / np.exp(np.log(factors).mean()), _SMALLEST).astype(np.float32)
        found = rounded(some / factors) @ plainly_rounded(weights * factors, weight_range).T
        error = float(np.square(found - wanted).sum())
        if error < least:
            best, least = (factors, strength), error
    return best


def plainly_rounded(weights: FloatRows, weight_range: int) -> FloatRows:
    """``weights`` as plain rounding leaves them."""
    values, scales = np.empty(weights.shape, np.int8), np.empty(len(weights), np.float32)
    quantize_rows(weights, weight_range, values, scales, np.empty_like(weights))
    return np.divide(values, scales[:, None], dtype=np.float32)
