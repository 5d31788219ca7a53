"""Variables of model.bin that hold no weights: they read and convert them when the model is written."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from .checkpoint import Checkpoint, FloatRows
from .errors import ConvertError
from .plan import Part
from .quantize import NotFinite, bfloat16_rows, narrow_rows, quantize_rows

BLOCK_VALUES = 1 << 17  # half a megabyte of float32: a block stays in the CPU's cache from reading to writing
MAX_VARIABLE_BYTES = (1 << 32) - 1  # model.bin stores the size in 32 bits

OnBytes = Callable[[str, int], None]
"""Called with a tensor's name and the number of bytes of the model just made from it, by any thread."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive rows of a variable; ``rows`` is a buffer that the next block reuses."""

    tensor: str
    start: int
    rows: FloatRows


class Rows(Protocol):
    """A matrix (or vector) that is read from top to bottom, block by block."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def blocks(self) -> Iterator[Block]: ...


class Observer(Protocol):
    """Sees every block that is quantized. Several threads call it at once, and wait for it."""

    def observe(
        self, path: str, block: Block, quantized: npt.NDArray[np.int8], scales: npt.NDArray[np.float32]
    ) -> None:
        """``path`` is the variable's; ``quantized`` and ``scales`` are the block's rows of it.

        A weight stands for q / scale. Nothing of the block may be kept: its buffers are reused.
        """
        ...


@dataclass(frozen=True, slots=True)
class MadeInt8:
    """An int8 matrix that was quantized before, with one scale per row: a weight is q / scale.

    ``read`` is called once, by a thread that writes the model, and gives all its rows.
    """

    shape: tuple[int, int]
    scales: npt.NDArray[np.float32]
    read: Callable[[], npt.NDArray[np.int8]]


Made = FloatRows | MadeInt8
"""What stands for a variable instead of the checkpoint's tensors."""


class Piece(NamedTuple):
    """Consecutive values of a variable from value ``start`` on; the next piece may reuse ``values``."""

    variable: "LazyVariable"
    start: int
    values: npt.NDArray[Any]


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
        columns = self._whole(part) if part.transposed else None
        for first in range(0, height, block_rows):
            rows = buffer[: min(block_rows, height - first)]
            if columns is None:
                self._checkpoint.read_rows(part.tensor, part.start + first, rows)
            else:
                np.copyto(rows, columns[:, first : first + len(rows)].T)
            if part.head_order is not None:
                heads = rows.reshape(-1, len(part.head_order), *row_shape)
                rows = heads[:, part.head_order].reshape(rows.shape)
            yield Block(part.tensor, start + first, rows)

    def _whole(self, part: Part) -> FloatRows:
        """A tensor whose columns are wanted: they lie all over it, and it is read once, [height, width]."""
        whole = np.empty(part.source_shape, np.float32)
        step = max(1, BLOCK_VALUES // whole.shape[1])
        for first in range(0, len(whole), step):
            self._checkpoint.read_rows(part.tensor, first, whole[first : first + step])
        return whole


class ArrayRows:
    """An array that is in memory already."""

    def __init__(self, name: str, array: FloatRows) -> None:
        self.shape: tuple[int, ...] = array.shape
        self._name, self._array = name, array

    def blocks(self) -> Iterator[Block]:
        step = max(1, BLOCK_VALUES // math.prod(self.shape[1:]))
        for start in range(0, len(self._array), step):
            yield Block(self._name, start, self._array[start : start + step])


class LazyVariable:
    """What ctranslate2's specification asks of a variable, and its values, made when they are written."""

    def __init__(self, shape: tuple[int, ...], dtype: str) -> None:
        self.shape, self.dtype = shape, dtype
        if self.num_bytes() > MAX_VARIABLE_BYTES:
            raise ConvertError(
                f"a variable of shape {list(shape)} in {dtype} passes the 4 GiB that model.bin can hold; "
                "choose an int8 quantization"
            )

    @property
    def item_bytes(self) -> int:
        return 2 if self.dtype == "bfloat16" else np.dtype(self.dtype).itemsize

    def num_bytes(self) -> int:
        return math.prod(self.shape) * self.item_bytes

    def pieces(self) -> Iterator[Piece]:
        """Its values, and those of a variable that comes out of the same pass, in any order."""
        raise NotImplementedError


class RowScales(LazyVariable):
    """The scales of an int8 matrix, which writes them: they are known when its last row is."""

    def __init__(self, height: int) -> None:
        super().__init__((height,), "float32")

    def pieces(self) -> Iterator[Piece]:
        yield from ()


class QuantizedRows(LazyVariable):
    """An int8 matrix with one scale per row."""

    def __init__(
        self, path: str, source: Rows, weight_range: int, on_bytes: OnBytes, observer: Observer | None
    ) -> None:
        super().__init__(source.shape, "int8")
        self.scales = RowScales(source.shape[0])
        self._path, self._source, self._weight_range = path, source, weight_range
        self._on_bytes, self._observer = on_bytes, observer

    def pieces(self) -> Iterator[Piece]:
        scratch, quantized = np.empty(0, np.float32), np.empty(0, np.int8)
        all_scales = np.empty(self.shape[0], np.float32)
        blocks = self._source.blocks()
        for block in blocks:
            if scratch.size < block.rows.size:
                scratch, quantized = np.empty(block.rows.size, np.float32), np.empty(block.rows.size, np.int8)
            out = quantized[: block.rows.size].reshape(block.rows.shape)
            scales = all_scales[block.start : block.start + len(out)]
            try:
                free = scratch[: block.rows.size].reshape(block.rows.shape)
                quantize_rows(block.rows, self._weight_range, out, scales, free)
            except NotFinite as error:
                raise refusal(block, error, blocks) from None
            if self._observer:
                self._observer.observe(self._path, block, out, scales)
            yield Piece(self, block.start * self.shape[1], out)
            self._on_bytes(block.tensor, out.nbytes)
        yield Piece(self.scales, 0, all_scales)


class MadeRows(LazyVariable):
    """An int8 matrix that was quantized before."""

    def __init__(self, path: str, made: MadeInt8, on_bytes: OnBytes) -> None:
        super().__init__(made.shape, "int8")
        self.scales = RowScales(made.shape[0])
        self._path, self._made, self._on_bytes = path, made, on_bytes

    def pieces(self) -> Iterator[Piece]:
        values = np.ascontiguousarray(self._made.read())
        yield Piece(self, 0, values)
        self._on_bytes(self._path, values.nbytes)
        yield Piece(self.scales, 0, self._made.scales)


class PlainRows(LazyVariable):
    """A matrix or vector in a float type."""

    def __init__(self, source: Rows, dtype: str, on_bytes: OnBytes) -> None:
        super().__init__(source.shape, dtype)
        self._source, self._on_bytes = source, on_bytes

    def pieces(self) -> Iterator[Piece]:
        narrow = bfloat16_rows if self.dtype == "bfloat16" else narrow_rows
        buffer = np.empty(0, np.uint16 if self.dtype == "bfloat16" else self.dtype)
        row_values = math.prod(self.shape[1:])
        blocks = self._source.blocks()
        for block in blocks:
            if buffer.size < block.rows.size:
                buffer = np.empty(block.rows.size, buffer.dtype)
            out = buffer[: block.rows.size].reshape(block.rows.shape)
            try:
                narrow(block.rows, out)
            except NotFinite as error:
                raise refusal(block, error, blocks) from None
            yield Piece(self, block.start * row_values, out)
            self._on_bytes(block.tensor, out.nbytes)


def refusal(block: Block, error: NotFinite, rest: Iterator[Block]) -> ConvertError:
    """Names the tensor, and how many values of it are bad: one may be a bit that flipped, all of them not."""
    count, tensor, row = error.count, block.tensor, block.start + error.row
    for other in rest:
        if other.tensor == tensor:
            count += error.count_in(other.rows)
    values = f"{count:,} value" + "s" * (count > 1)
    return ConvertError(
        f"tensor {tensor} holds NaN, an infinity or a value too large for the chosen type "
        f"({values}, the first in row {row} of its variable); the checkpoint cannot be used as it is"
    )
