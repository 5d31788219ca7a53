"""The int8 rule, row by row, exactly as ctranslate2's converter applies it at range 127; and float types."""

from typing import Any

import numpy as np
import numpy.typing as npt

from .checkpoint import FloatRows

LARGEST_FLOAT16 = 65519.996  # the largest float32 that rounds down to a float16, and not up to infinity
LARGEST_BFLOAT16 = float(np.uint32(0x7F7F7FFF).view(np.float32))
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


class NotFinite(ValueError):
    """A NaN, an infinity, or a value beyond ``largest``: ``count`` in the block, the first in row ``row``."""

    def __init__(self, rows: FloatRows, largest: float) -> None:
        self._largest = largest
        bad = self._bad(rows)
        self.count = int(bad.sum())
        self.row = int(bad.reshape(len(rows), -1).any(axis=1).argmax())
        super().__init__(f"{self.count} values are not finite, the first in row {self.row}")

    def count_in(self, rows: FloatRows) -> int:
        """How many values of other rows have the same fault."""
        return int(self._bad(rows).sum())

    def _bad(self, rows: FloatRows) -> npt.NDArray[np.bool_]:
        bad: npt.NDArray[np.bool_] = ~(np.abs(rows) <= np.float32(self._largest))
        return bad


def quantize_rows(
    rows: FloatRows,
    weight_range: int,
    out: npt.NDArray[np.int8],
    out_scales: npt.NDArray[np.float32],
    scratch: FloatRows,
) -> None:
    """Quantize ``rows`` to ``out``, one scale per row: q = rint(w · scale), scale = range / max|w|.

    A row of zeros gets scale 1. ``weight_range`` is 127, or 63 for CPUs whose 16-bit sums would saturate.
    ``scratch`` is a buffer of the shape of ``rows``. Raises NotFinite.
    """
    np.abs(rows, out=scratch)
    row_scales(scratch.max(axis=1), rows, weight_range, out_scales)
    np.multiply(rows, out_scales[:, None], out=scratch)
    np.rint(scratch, out=scratch)
    np.copyto(out, scratch, casting="unsafe")


def row_scales(
    largest: npt.NDArray[np.float32], rows: FloatRows, weight_range: int, out: npt.NDArray[np.float32]
) -> None:
    """The scales of ``rows``; ``largest`` are their largest magnitudes, and used up. Raises NotFinite."""
    if not np.isfinite(largest).all():
        raise NotFinite(rows, LARGEST_FLOAT32)
    largest[largest == 0] = weight_range
    # Keeps the scale representable in float32 for rows of subnormal numbers.
    largest = np.maximum(largest, np.float32(weight_range) / np.finfo(np.float32).max)
    np.divide(np.float32(weight_range), largest, out=out)


def narrow_rows(rows: FloatRows, out: npt.NDArray[Any]) -> None:
    """Store ``rows`` as the type of ``out``. Raises NotFinite also when a value overflows that type."""
    with np.errstate(over="ignore"):
        np.copyto(out, rows, casting="same_kind")
    if not np.isfinite(out).all():
        raise NotFinite(rows, LARGEST_FLOAT16 if out.dtype == np.float16 else LARGEST_FLOAT32)


def bfloat16_rows(rows: FloatRows, out: npt.NDArray[np.uint16]) -> None:
    """Store ``rows`` as the bits of bfloat16: the upper half of a float32, rounded to nearest, ties to even.

    Raises NotFinite also when a value rounds to infinity.
    """
    if not (np.abs(rows) <= np.float32(LARGEST_BFLOAT16)).all():
        raise NotFinite(rows, LARGEST_BFLOAT16)
    bits = rows.view(np.uint32)
    rounded = bits + (np.uint32(0x7FFF) + (bits >> 16 & 1))  # a carry goes on into the exponent, as it should
    np.copyto(out, rounded >> 16, casting="unsafe")
