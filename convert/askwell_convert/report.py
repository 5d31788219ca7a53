"""What int8 does to each matrix: relative error ‖w − q/s‖ / ‖w‖ (Frobenius norms), and the worst rows."""

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .variable import Block

WORST_ROWS = 5
LAYER = re.compile(r"decoder/layer_(\d+)/(.+)/weight")
UNGATED = "ffn/linear_0_noact"  # there where linear_0 is a gate
NAMES = {
    "self_attention/linear_0": "attention q k v",
    "self_attention/linear_1": "attention out",
    "ffn/linear_0": "feed-forward up",
    UNGATED: "feed-forward up",
    "ffn/linear_1": "feed-forward down",
    "embeddings": "embedding",
    "projection": "output",
}
GATED_NAMES = {**NAMES, "ffn/linear_0": "feed-forward gate"}


@dataclass(frozen=True, slots=True, order=True)
class RowError:
    """One row's relative error; ``row`` counts within the variable, ``tensor`` is the source's."""

    error: float
    tensor: str
    row: int


@dataclass(frozen=True, slots=True)
class MatrixError:
    """``layer`` is None for the embedding and the output projection."""

    layer: int | None
    matrix: str
    error: float
    worst: tuple[RowError, ...]


@dataclass(slots=True)
class _Sums:
    error: float = 0.0
    weight: float = 0.0
    worst: list[RowError] = field(default_factory=list)


class QuantizationReport:
    """An observer of the conversion: sums up squares block by block, from several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[str, _Sums] = {}

    def observe(
        self, path: str, block: Block, quantized: npt.NDArray[np.int8], scales: npt.NDArray[np.float32]
    ) -> None:
        lost = quantized.astype(np.float32)
        lost /= scales[:, None]
        lost -= block.rows
        errors = np.einsum("ij,ij->i", lost, lost).astype(np.float64)
        weights = np.einsum("ij,ij->i", block.rows, block.rows).astype(np.float64)
        relative = np.sqrt(errors / np.maximum(weights, np.finfo(np.float64).tiny))
        worst = [
            RowError(float(relative[row]), block.tensor, block.start + int(row))
            for row in np.argsort(-relative)[:WORST_ROWS]
        ]
        with self._lock:
            sums = self._sums.setdefault(path, _Sums())
            sums.error += float(errors.sum())
            sums.weight += float(weights.sum())
            sums.worst = sorted([*sums.worst, *worst], reverse=True)[:WORST_ROWS]

    def matrices(self) -> list[MatrixError]:
        """What was observed so far, in the order of layers; what is of no layer comes last."""
        names = GATED_NAMES if any(UNGATED in path for path in self._sums) else NAMES
        told = []
        for path, sums in self._sums.items():
            found = LAYER.fullmatch(path)
            matrix = found[2] if found else path.removeprefix("decoder/").removesuffix("/weight")
            told.append(
                MatrixError(
                    layer=int(found[1]) if found else None,
                    matrix=names.get(matrix, matrix),
                    error=(sums.error / sums.weight) ** 0.5 if sums.weight else 0.0,
                    worst=tuple(sums.worst),
                )
            )
        order = list(names.values())
        return sorted(
            told,
            key=lambda each: (
                each.layer is None,
                each.layer or 0,
                order.index(each.matrix) if each.matrix in order else len(order),
                each.matrix,
            ),
        )

    def table(self) -> str:
        """Layers down, matrices across, and the worst rows of all, in percent."""
        matrices = self.matrices()
        columns = list(dict.fromkeys(each.matrix for each in matrices if each.layer is not None))
        cells = {(each.layer, each.matrix): each.error for each in matrices}
        layers = sorted({each.layer for each in matrices if each.layer is not None})
        lines = ["relative error of int8, ‖w − q/s‖ / ‖w‖, in percent", "layer" + _row(columns)]
        lines += [
            f"{layer:>5}" + _row([_percent(cells.get((layer, column))) for column in columns])
            for layer in layers
        ]
        lines += [f"{each.matrix}: {_percent(each.error)}" for each in matrices if each.layer is None]
        lines += ["worst rows:"]
        lines += [f"  {_percent(row.error)}  row {row.row} of {row.tensor}" for row in worst_rows(matrices)]
        return "\n".join(lines)

    def write(self, path: Path) -> None:
        """The heat map as SVG. Raises OSError when ``path`` cannot be written."""
        from .heat_map import heat_map

        path.write_text(heat_map(self.matrices()), encoding="utf-8")


def worst_rows(matrices: Iterable[MatrixError]) -> list[RowError]:
    """The rows that lost most, of all matrices."""
    return sorted((row for each in matrices for row in each.worst), reverse=True)[:WORST_ROWS]


def _row(cells: Iterable[str]) -> str:
    return "".join(f"{cell:>19}" for cell in cells)


def _percent(error: float | None) -> str:
    return "" if error is None else f"{100 * error:.2f}"
