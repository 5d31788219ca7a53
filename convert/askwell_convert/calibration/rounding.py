"""Rounding weights so that errors cancel on the inputs that a layer really sees.

GPTQ (Frantar et al. 2022, https://arxiv.org/abs/2210.17323): columns are rounded one after the other, and
what each is off by is taken out of the columns that follow, as far as their inputs go along with its own.
The scales are those of plain rounding, one per row, because the engine has no others.
"""

import numpy as np
import numpy.typing as npt

from ..checkpoint import FloatRows
from ..quantize import LARGEST_FLOAT32, NotFinite, row_scales

DAMPING = 0.01  # of the mean square input, added to each: the original's
MOST_COLUMNS = 2048  # of one Hessian; wider inputs are taken to be unrelated beyond that
_BLOCK_COLUMNS = 32  # whose errors are passed on together
_BLOCK_ROWS = 2048  # rows do not depend on one another
_SMALL = 64  # rows of a matrix that is inverted at once


class Compensation:
    """What the inputs of a layer tell about passing errors on; made once, used for each matrix they meet."""

    def __init__(self, inputs: FloatRows) -> None:
        """``inputs`` is [tokens, columns], quantized as the engine will."""
        columns = inputs.shape[1]
        self._spans = [
            slice(start, min(start + MOST_COLUMNS, columns)) for start in range(0, columns, MOST_COLUMNS)
        ]
        self._factors = [_inverse_factor(inputs[:, span]) for span in self._spans]

    def quantize(
        self, weights: FloatRows, weight_range: int, out: npt.NDArray[np.int8], out_scales: FloatRows
    ) -> None:
        """Round ``weights`` [rows, columns] to ``out`` with one scale per row; see ``quantize_rows``. Raises
        NotFinite."""
        for start in range(0, len(weights), _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            row_scales(np.abs(weights[rows]).max(axis=1), weights[rows], weight_range, out_scales[rows])
            for span, factor in zip(self._spans, self._factors, strict=True):
                steps = weights[rows, span] * out_scales[rows, None]
                out[rows, span] = _compensated(steps, factor, weight_range)


def _inverse_factor(inputs: FloatRows) -> FloatRows:
    """The upper Cholesky factor U of the inverse of the damped Hessian, H⁻¹ = UᵀU, each row over its
    diagonal. Raises NotFinite."""
    hessian = inputs.T @ inputs
    diagonal = np.diag_indices_from(hessian)
    hessian[diagonal] += np.float32(DAMPING * hessian[diagonal].mean() or 1.0)
    # With both orders reversed H = LLᵀ; so H = VVᵀ with V upper, and U is its inverse.
    factor = _inverse_of_cholesky(hessian[::-1, ::-1])[::-1, ::-1]
    factor = np.ascontiguousarray(factor / np.diagonal(factor)[:, None])
    if not np.isfinite(factor).all():  # the squares of inputs beyond 1e18 are not
        raise NotFinite(factor, LARGEST_FLOAT32)
    return factor


def _inverse_of_cholesky(matrix: FloatRows) -> FloatRows:
    """L⁻¹ of ``matrix`` = LLᵀ, by halves: nearly all of it products, which are fast."""
    size = len(matrix)
    if size <= _SMALL:
        inverse: FloatRows = np.linalg.inv(np.linalg.cholesky(matrix))
        return inverse
    half = size // 2
    inverse = np.zeros_like(matrix)
    inverse[:half, :half] = first = _inverse_of_cholesky(matrix[:half, :half])
    lower = matrix[half:, :half] @ first.T
    inverse[half:, half:] = second = _inverse_of_cholesky(matrix[half:, half:] - lower @ lower.T)
    inverse[half:, :half] = -second @ (lower @ first)
    return inverse


def _compensated(steps: FloatRows, factor: FloatRows, weight_range: int) -> FloatRows:
    """Whole numbers for ``steps`` (weights in units of their row's step)."""
    columns = np.ascontiguousarray(steps.T)  # [columns, rows]: a column lies together
    for start in range(0, len(columns), _BLOCK_COLUMNS):
        stop = min(start + _BLOCK_COLUMNS, len(columns))
        errors = np.empty((stop - start, columns.shape[1]), np.float32)
        for i in range(start, stop):
            error = errors[i - start]
            np.copyto(error, columns[i])
            np.rint(columns[i], out=columns[i])
            np.clip(columns[i], -weight_range, weight_range, out=columns[i])
            error -= columns[i]
            columns[i + 1 : stop] -= factor[i, i + 1 : stop, None] * error
        columns[stop:] -= factor[start:stop, stop:].T @ errors
    return columns.T
