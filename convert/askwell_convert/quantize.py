"""The int8 rule, row by row, exactly as ctranslate2's converter applies it at range 127."""

import numpy as np
import numpy.typing as npt

from .checkpoint import FloatRows


class NotFinite(ValueError):
    """A NaN or infinity in row ``row`` of the block."""

    def __init__(self, row: int) -> None:
        super().__init__(f"row {row} is not finite")
        self.row = row


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
    largest = scratch.max(axis=1)
    if not np.isfinite(largest).all():
        raise NotFinite(int(np.argmin(np.isfinite(largest))))
    largest[largest == 0] = weight_range
    # Keeps the scale representable in float32 for rows of subnormal numbers.
    largest = np.maximum(largest, np.float32(weight_range) / np.finfo(np.float32).max)
    np.divide(np.float32(weight_range), largest, out=out_scales)
    np.multiply(rows, out_scales[:, None], out=scratch)
    np.rint(scratch, out=scratch)
    np.copyto(out, scratch, casting="unsafe")


def narrow_rows(rows: FloatRows, out: npt.NDArray[np.floating]) -> None:
    """Store ``rows`` as the type of ``out``. Raises NotFinite also when a value overflows that type."""
    with np.errstate(over="ignore"):
        np.copyto(out, rows, casting="same_kind")
    finite = np.isfinite(out)
    if not finite.all():
        raise NotFinite(int(np.argmin(finite.reshape(len(out), -1).all(axis=1))))
