"""A source's matrices, folded and turned on the way, some rows at a time or whole."""

from collections.abc import Iterator

import numpy as np

from ..checkpoint import FloatRows
from ..quantize import LARGEST_FLOAT32, NotFinite
from ..source import Source
from ..variable import StackedRows, refusal

_ROWS = 1024  # at once: fewer, and turning them reads the turn more often than the weights


class Weights:
    """Reads variables by path. Raises ConvertError for one that holds NaN or an infinity.

    With a ``turn`` (see ``rotation``) the residual stream is in another basis: what reads it has its norm's
    gain and bias folded in and is turned, and so is what writes it.
    """

    def __init__(self, source: Source, turn: FloatRows | None = None) -> None:
        self.turn = turn
        self._source = source

    def has(self, path: str) -> bool:
        return path in self._source.plan.weights

    def shape(self, path: str) -> tuple[int, ...]:
        parts = self._source.plan.weights[path]
        return (sum(part.shape[0] for part in parts), *parts[0].shape[1:])

    def vector(self, path: str) -> FloatRows:
        return np.concatenate([rows.copy() for _, rows in self.rows(path)])

    def vector_or_none(self, path: str) -> FloatRows | None:
        return self.vector(path) if self.has(path) else None

    def rows(self, path: str) -> Iterator[tuple[int, FloatRows]]:
        """A variable as it is: the number of the first row, and rows in a buffer that the next ones reuse."""
        height, *row = self.shape(path)
        held = np.empty((min(_ROWS, height), *row), np.float32)
        first = count = 0
        blocks = StackedRows(self._source.checkpoint, self._source.plan.weights[path]).blocks()
        for block in blocks:
            if not np.isfinite(block.rows).all():  # turned, it would spoil every row
                raise refusal(block, NotFinite(block.rows, LARGEST_FLOAT32), blocks)
            taken = 0
            while taken < len(block.rows):
                more = min(len(held) - count, len(block.rows) - taken)
                held[count : count + more] = block.rows[taken : taken + more]
                count, taken = count + more, taken + more
                if count == len(held):
                    yield first, held
                    first, count = first + count, 0
        if count:
            yield first, held[:count]

    def embedding_rows(self) -> Iterator[tuple[int, FloatRows]]:
        for start, rows in self.rows("decoder/embeddings/weight"):
            yield start, rows if self.turn is None else rows @ self.turn

    def reading_rows(self, path: str, norm: str) -> Iterator[tuple[int, FloatRows, FloatRows | None]]:
        """Of a matrix that reads the residual stream behind ``norm``: the number of the first row, rows, and
        what the norm's bias adds to their outputs."""
        if self.turn is None:
            yield from ((start, rows, None) for start, rows in self.rows(path))
            return
        gain, beta = self.vector(norm + "/gamma"), self.vector_or_none(norm + "/beta")
        for start, rows in self.rows(path):
            turned = np.matmul(rows * gain, self.turn, dtype=np.float32)
            yield start, turned, None if beta is None else rows @ beta

    def reading(self, path: str, norm: str) -> tuple[FloatRows, FloatRows | None]:
        """The same of all rows."""
        matrix, added = np.empty(self.shape(path), np.float32), None
        for start, rows, bias in self.reading_rows(path, norm):
            matrix[start : start + len(rows)] = rows
            if bias is not None:
                added = np.empty(len(matrix), np.float32) if added is None else added
                added[start : start + len(rows)] = bias
        return matrix, added

    def whole(self, path: str) -> FloatRows:
        """A matrix as it is."""
        matrix = np.empty(self.shape(path), np.float32)
        for start, rows in self.rows(path):
            matrix[start : start + len(rows)] = rows
        return matrix

    def writing(self, path: str) -> FloatRows:
        """A matrix that writes into the residual stream."""
        if self.turn is None:
            return self.whole(path)
        matrix = np.zeros(self.shape(path), np.float32)
        for start, rows in self.rows(path):
            turn = self.turn[start : start + len(rows)]
            for top in range(0, len(matrix), _ROWS):  # of all rows at once it would be as large as the matrix
                matrix[top : top + _ROWS] += turn[:, top : top + _ROWS].T @ rows
        return matrix

    def written_bias(self, path: str) -> FloatRows | None:
        """A bias that goes into the residual stream."""
        bias = self.vector_or_none(path)
        return bias if bias is None or self.turn is None else bias @ self.turn
