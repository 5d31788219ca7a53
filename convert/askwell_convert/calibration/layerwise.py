"""One pass over the layers, in which each is turned, smoothed and rounded on its real inputs.

The inputs of a layer are those that the layers before it give as the engine will compute them: with their
rounded weights, and with activations rounded to int8. One matrix is in memory at a time; finished ones go to
files beside the model that is being written.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from ..checkpoint import FloatRows
from ..errors import ConvertError
from ..forward import affine, embedded, product
from ..quantize import NotFinite, quantize_rows
from ..source import Source
from ..variable import BLOCK_VALUES, Block, Made, MadeInt8, Observer
from .activation_steps import rounded
from .decoder import Decoder
from .layer import normalized, run_layer
from .rounding import Compensation
from .smoothing import plainly_rounded, smoothing_factors
from .weights import Weights

_EMBEDDING_RANGE = 127  # it is looked up, never multiplied: nothing to saturate
_COMPARED = 128  # tokens that errors are measured on
_BEYOND = 1e18  # of float32 values, norms could not add up the squares
_PLAIN_ROWS = 2048  # rounded plainly at once, to compare with

OnTensor = Callable[[str, int], None]
"""Called with a variable's path and how many values of it are done."""


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What matrices meet, [tokens, columns]: as computed, as the engine rounds it, and how that lets errors
    cancel."""

    exact: FloatRows
    steps: FloatRows
    compensation: Compensation | None

    @classmethod
    def of(cls, exact: FloatRows, *, compensated: bool) -> Self:
        steps = rounded(exact)
        return cls(exact, steps, Compensation(steps) if compensated else None)


@contextmanager
def _finite(what: str) -> Iterator[None]:
    """Weights that are huge, though they are numbers, end in an error of ours and not in numpy's warnings."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except NotFinite:
        raise ConvertError(
            f"{what} computes NaN, infinities or values beyond {_BEYOND:g}; the model cannot be calibrated"
        ) from None


class Layerwise:
    """One run over the layers.

    ``made`` are variables in place of the checkpoint's, ``errors`` those of each matrix's outputs, relative:
    with plain rounding, and as it is now. ``strengths`` are the smoothing's, layer by layer.
    """

    def __init__(
        self,
        source: Source,
        decoder: Decoder,
        weights: Weights,
        steps: frozenset[str],
        weight_range: int,
        folder: Path,
        on_tensor: OnTensor,
        observer: Observer | None = None,
    ) -> None:
        self.made: dict[str, Made] = {}
        self.errors: dict[str, tuple[float, float]] = {}
        self.strengths: list[float] = []
        self._source, self._decoder, self._weights = source, decoder, weights
        self._rounding, self._smoothing = "rounding" in steps, "smoothing" in steps
        self._range = weight_range
        self._folder = folder
        self._on_tensor, self._observer = on_tensor, observer
        self._scope = ""  # of the layer at hand
        self._norm = ""  # that its next matrices read behind

    def run(self, sequences: Sequence[Sequence[int]]) -> None:
        decoder, weights = self._decoder, self._weights
        lengths = [len(each) for each in sequences]
        hidden = embedded(weights, decoder, [token for each in sequences for token in each])
        if weights.turn is not None:
            with _finite("the embedding"):
                self._keep_embedding()
        for layer in range(decoder.layers):
            self._scope = f"decoder/layer_{layer}/"
            with _finite(f"decoder/layer_{layer}"):
                run_layer(decoder, hidden, lengths, self._normed, self._multiply)
                if not np.abs(hidden).max() <= _BEYOND:
                    raise NotFinite(hidden, _BEYOND)
        self._scope = ""
        with _finite("the projection"):
            self._project(self._normed("decoder/layer_norm", hidden))

    def _normed(self, name: str, hidden: FloatRows) -> FloatRows:
        self._norm = path = self._scope + name
        if self._weights.turn is None:
            return affine(self._weights, self._decoder, path, hidden)
        self.made[path + "/gamma"] = np.ones(self._decoder.width, np.float32)
        if self._weights.has(path + "/beta"):
            self.made[path + "/beta"] = np.zeros(self._decoder.width, np.float32)
        return normalized(self._decoder, hidden)

    def _multiply(self, names: Sequence[str], inputs: FloatRows) -> list[FloatRows]:
        """Quantize the matrices that meet these inputs; what they then compute."""
        if names == ("down",) and self._smoothing:
            matrix, bias = self._load("down")
            inputs = self._smooth(inputs, matrix)
            return [self._quantize("down", matrix, bias, _Inputs.of(inputs, compensated=self._rounding))]
        read = _Inputs.of(inputs, compensated=self._rounding)
        return [self._quantize(name, *self._load(name), read) for name in names]  # one in memory at a time

    def _load(self, name: str) -> tuple[FloatRows, FloatRows | None]:
        """A matrix and its bias, as they are to be quantized."""
        path, weights = self._scope + self._decoder.paths[name], self._weights
        if name in ("out", "down"):
            return weights.writing(path + "/weight"), weights.written_bias(path + "/bias")
        matrix, added = weights.reading(path + "/weight", self._norm)
        bias = weights.vector_or_none(path + "/bias")
        if added is not None:
            bias = added if bias is None else bias + added
        return matrix, bias

    def _smooth(self, inputs: FloatRows, down: FloatRows) -> FloatRows:
        factors, strength = smoothing_factors(inputs, down, self._range)
        self.strengths.append(strength)
        down *= factors
        up = self._scope + self._decoder.paths["up"]
        made = self.made[up + "/weight"]
        assert isinstance(made, MadeInt8)
        made.scales[:] *= factors  # divides the rows: their int8 values stay
        if up + "/bias" in self.made:
            self.made[up + "/bias"] /= factors  # type: ignore[operator]  # an array
        return inputs / factors

    def _quantize(
        self,
        name: str,
        matrix: FloatRows,
        bias: FloatRows | None,
        inputs: _Inputs,
    ) -> FloatRows:
        """Keep the matrix as int8, use it up, and give its outputs."""
        scope = self._scope + self._decoder.paths[name]
        path, some = scope + "/weight", slice(None, None, max(1, len(inputs.exact) // _COMPARED))
        wanted = inputs.exact[some] @ matrix.T
        plain = np.empty_like(wanted)
        for start in range(0, len(matrix), _PLAIN_ROWS):
            rows = slice(start, start + _PLAIN_ROWS)
            plain[:, rows] = inputs.steps[some] @ plainly_rounded(matrix[rows], self._range).T
        values, scales = np.empty(matrix.shape, np.int8), np.empty(len(matrix), np.float32)
        self._round(matrix, values, scales, inputs.compensation)
        self._observe(path, 0, matrix, values, scales)
        self._keep(path, values, scales)
        np.divide(values, scales[:, None], out=matrix)
        if bias is not None:
            self.made[scope + "/bias"] = bias
        outputs = product(inputs.steps, matrix, None)
        found = outputs[some]
        size = max(float(np.linalg.norm(wanted)), 1e-30)
        self.errors[path] = (
            float(np.linalg.norm(plain - wanted)) / size,
            float(np.linalg.norm(found - wanted)) / size,
        )
        if bias is not None:
            outputs += bias
        self._on_tensor(path, values.size)
        return outputs

    def _round(
        self,
        matrix: FloatRows,
        values: npt.NDArray[np.int8],
        scales: FloatRows,
        compensation: Compensation | None,
        weight_range: int | None = None,
    ) -> None:
        weight_range = weight_range or self._range
        if compensation is not None:
            compensation.quantize(matrix, weight_range, values, scales)
        else:
            quantize_rows(matrix, weight_range, values, scales, np.empty_like(matrix))

    def _observe(
        self, path: str, start: int, matrix: FloatRows, values: npt.NDArray[np.int8], scales: FloatRows
    ) -> None:
        """``start`` is the number of the first row. A few at a time: observers compute with copies."""
        if self._observer is not None:
            step = max(1, BLOCK_VALUES // matrix.shape[1])
            for first in range(0, len(matrix), step):
                some = slice(first, first + step)
                block = Block(path, start + first, matrix[some])
                self._observer.observe(path, block, values[some], scales[some])

    def _keep(self, path: str, values: npt.NDArray[np.int8], scales: FloatRows) -> None:
        file = self._folder / path.replace("/", ".")
        file.write_bytes(values.data)  # numpy would not say that the disk is full
        self._made_from(path, file, (values.shape[0], values.shape[1]), scales)

    def _made_from(self, path: str, file: Path, shape: tuple[int, int], scales: FloatRows) -> None:
        self.made[path] = MadeInt8(shape, scales, lambda: np.fromfile(file, np.int8).reshape(shape))

    def _keep_embedding(self) -> None:
        path = "decoder/embeddings/weight"
        self._keep_rows(path, self._weights.embedding_rows(), None, _EMBEDDING_RANGE)

    def _project(self, states: FloatRows) -> None:
        """The projection, some rows at a time, for it is the largest matrix. An embedding that serves as the
        projection too stays as it is, unless the turn has made two of them."""
        path, bias_path = "decoder/projection/weight", "decoder/projection/bias"
        weights = self._weights
        read = self._source.plan.aliases.get(path, path)
        if weights.turn is None and read != path:
            return
        compensation = Compensation(rounded(states)) if self._rounding else None
        added: list[FloatRows] = []

        def rows_of() -> Iterator[tuple[int, FloatRows]]:
            for start, rows, bias in weights.reading_rows(read, self._norm):
                if bias is not None:
                    added.append(bias)
                yield start, rows

        self._keep_rows(path, rows_of(), compensation, self._range)
        bias = weights.vector_or_none(bias_path)
        if added:
            total = np.concatenate(added)
            bias = total if bias is None else bias + total
        if bias is not None:
            self.made[bias_path] = bias

    def _keep_rows(
        self,
        path: str,
        every: Iterable[tuple[int, FloatRows]],
        compensation: Compensation | None,
        weight_range: int,
    ) -> None:
        read = self._source.plan.aliases.get(path, path)
        height, width = self._weights.shape(read)
        scales, file = np.empty(height, np.float32), self._folder / path.replace("/", ".")
        with file.open("wb") as out:
            for start, rows in every:
                values, some = np.empty(rows.shape, np.int8), scales[start : start + len(rows)]
                self._round(rows, values, some, compensation, weight_range)
                self._observe(path, start, rows, values, some)
                out.write(values.data)
                self._on_tensor(path, values.size)
        self._made_from(path, file, (height, width), scales)
