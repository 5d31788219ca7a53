"""Activations as the engine rounds them: to int8, one scale for each token."""

import numpy as np

from ..checkpoint import FloatRows

_RANGE = np.float32(127)


def rounded(inputs: FloatRows) -> FloatRows:
    """``inputs`` [tokens, columns], rounded to 127 steps on either side of zero."""
    largest = np.abs(inputs).max(axis=1, keepdims=True)
    largest[largest == 0] = 1
    steps: FloatRows = np.divide(_RANGE, largest, dtype=np.float32)
    out: FloatRows = np.rint(inputs * steps)
    np.divide(out, steps, out=out)
    return out
