"""ctranslate2 variables that hold no weights: they read and convert them when the model is written."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ctranslate2.specs.model_spec import Variable

from .checkpoint import Checkpoint, FloatRows
from .errors import ConvertError
from .plan import Part
from .quantize import NotFinite, narrow_rows, quantize_rows

BLOCK_VALUES = 1 << 18  # one megabyte of float32: a block stays in the CPU's cache from reading to writing
MAX_VARIABLE_BYTES = (1 << 32) - 1  # model.bin stores the size in 32 bits

OnBytes = Callable[[str, int], None]
"""Called with a tensor's name and the number of bytes of the model just made from it."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive rows of a variable; ``rows`` is a buffer that the next block reuses."""

    tensor: str
    start: int
    rows: FloatRows


class StackedRows:
    """The parts of one variable, read as one matrix (or vector) from top to bottom."""

    def __init__(self, checkpoint: Checkpoint, parts: Sequence[Part]) -> None:
        self._checkpoint, self._parts = checkpoint, parts
        self.shape = (sum(part.shape[0] for part in parts), *parts[0].shape[1:])

    def blocks(self) -> Iterator[Block]:
        start = 0
        for part in self._parts:
            yield from self._part_blocks(part, start)
            start += part.shape[0]

    def _part_blocks(self, part: Part, start: int) -> Iterator[Block]:
        height, row_shape = part.shape[0], part.shape[1:]
        block_rows = max(1, BLOCK_VALUES // math.prod(row_shape))
        if part.head_order is not None:  # whole heads, for reordering inside them
            block_rows = max(1, block_rows // len(part.head_order)) * len(part.head_order)
        block_rows = min(block_rows, height)
        buffer = np.empty((block_rows, *row_shape), np.float32)
        for first in range(0, height, block_rows):
            rows = buffer[: min(block_rows, height - first)]
            self._checkpoint.read_rows(part.tensor, first, rows)
            if part.head_order is not None:
                heads = rows.reshape(-1, len(part.head_order), *row_shape)
                rows = heads[:, part.head_order].reshape(rows.shape)
            yield Block(part.tensor, start + first, rows)


class LazyVariable(Variable):  # type: ignore[misc]  # ctranslate2 is untyped
    """What ctranslate2's writer asks of a variable, for an array made when its bytes are asked for."""

    def __init__(self, shape: tuple[int, ...], dtype: str) -> None:
        self._shape, self._dtype = shape, dtype
        if self.num_bytes() > MAX_VARIABLE_BYTES:
            raise ConvertError(
                f"a variable of shape {list(shape)} in {dtype} passes the 4 GiB that model.bin can hold; "
                "choose an int8 quantization"
            )

    @property
    def shape(self) -> list[int]:
        return list(self._shape)

    @property
    def dtype(self) -> str:
        return self._dtype

    def num_bytes(self) -> int:
        return math.prod(self._shape) * np.dtype(self._dtype).itemsize

    def numpy(self) -> npt.NDArray[Any]:
        raise NotImplementedError

    def to_bytes(self) -> npt.NDArray[np.uint8]:
        """The array's bytes, without a copy: ctranslate2 only writes them to a file."""
        return self.numpy().reshape(-1).view(np.uint8)

    def _to(self, dtype: str) -> "LazyVariable":
        raise TypeError(f"a lazy {self._dtype} variable cannot become {dtype}")

    def _equal(self, other: object) -> bool:
        return self is other


class RowScales(LazyVariable):
    """The scales that quantizing a weight leaves; their name sorts after it, so they are written after."""

    def __init__(self, height: int) -> None:
        super().__init__((height,), "float32")
        self.values = np.zeros(height, np.float32)

    def numpy(self) -> npt.NDArray[np.float32]:
        return self.values


class QuantizedRows(LazyVariable):
    """An int8 matrix with one scale per row."""

    def __init__(self, source: StackedRows, weight_range: int, on_bytes: OnBytes) -> None:
        super().__init__(source.shape, "int8")
        self.scales = RowScales(source.shape[0])
        self._source, self._weight_range, self._on_bytes = source, weight_range, on_bytes

    def numpy(self) -> npt.NDArray[np.int8]:
        out = np.empty(self._shape, np.int8)
        scratch = np.empty(0, np.float32)
        for block in self._source.blocks():
            if scratch.size < block.rows.size:
                scratch = np.empty(block.rows.size, np.float32)
            span = slice(block.start, block.start + len(block.rows))
            with _naming(block):
                quantize_rows(
                    block.rows,
                    self._weight_range,
                    out[span],
                    self.scales.values[span],
                    scratch[: block.rows.size].reshape(block.rows.shape),
                )
            self._on_bytes(block.tensor, out[span].nbytes)
        return out


class PlainRows(LazyVariable):
    """A matrix or vector in a float type."""

    def __init__(self, source: StackedRows, dtype: str, on_bytes: OnBytes) -> None:
        super().__init__(source.shape, dtype)
        self._source, self._on_bytes = source, on_bytes

    def numpy(self) -> npt.NDArray[np.floating]:
        out: npt.NDArray[np.floating] = np.empty(self._shape, self._dtype)
        for block in self._source.blocks():
            span = slice(block.start, block.start + len(block.rows))
            with _naming(block):
                narrow_rows(block.rows, out[span])
            self._on_bytes(block.tensor, out[span].nbytes)
        return out


@contextmanager
def _naming(block: Block) -> Iterator[None]:
    """Turns a block's NotFinite into an error that names its tensor."""
    try:
        yield
    except NotFinite as error:
        raise ConvertError(
            f"tensor {block.tensor} holds NaN, an infinity or a value too large for the chosen type "
            f"(row {block.start + error.row} of its variable); the checkpoint cannot be used as it is"
        ) from None
