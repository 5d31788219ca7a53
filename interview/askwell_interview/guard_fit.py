"""The arithmetic of the guard's training: logistic regression on dense and hashed features, and ridge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]

PENALTY = 0.1
NEWTON_STEPS, SOLVER_STEPS = 6, 30
RIDGE = 0.3


def _sums(place: npt.NDArray[np.int64], values: Rows, count: int) -> Rows:
    return np.bincount(place, values, count).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Design:
    """Hashed features of some texts: entry k says that text ``row[k]`` has feature ``column[k]``, as
    ``value[k]``. ``shape``: texts and features."""

    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    value: Rows
    shape: tuple[int, int]

    @classmethod
    def of(cls, found: Sequence[Sequence[int]], size: int, share: float) -> Self:
        """``found``: each text's features; together they have length ``share`` to the power 1/2."""
        lengths = [len(each) for each in found]
        column = np.array([feature for each in found for feature in each])
        value = np.repeat([(share / length) ** 0.5 for length in lengths], lengths)
        return cls(np.repeat(np.arange(len(found)), lengths), column, value, (len(found), size))

    def times(self, weights: Rows) -> Rows:
        return _sums(self.row, self.value * weights[self.column], self.shape[0])

    def back(self, rows: Rows) -> Rows:
        return _sums(self.column, self.value * rows[self.row], self.shape[1])

    def squares(self, rows: Rows) -> Rows:
        return _sums(self.column, self.value**2 * rows[self.row], self.shape[1])

    def rows(self) -> Floats:
        dense = np.zeros(self.shape, np.float32)
        dense[self.row, self.column] = self.value
        return dense


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights of the dense features, and of each design's."""

    dense: Rows
    sparse: tuple[Rows, ...]

    def scores(self, dense: Floats, designs: Sequence[Design]) -> Rows:
        parts = [design.times(own) for design, own in zip(designs, self.sparse, strict=True)]
        meant: Rows = (dense @ self.dense.astype(np.float32)).astype(np.float64)
        worded: Rows = np.sum(parts, axis=0)
        return meant + worded


def fitted(dense: Floats, designs: Sequence[Design], wanted: Floats, weight: Floats) -> Fitted:
    """Logistic regression with a squared penalty, by Newton's method; each step's equations are solved by
    conjugate gradients. ``wanted`` is 0 or 1, a text of ``weight`` 0 is left out."""
    sizes = [dense.shape[1], *(design.shape[1] for design in designs)]
    cuts = np.cumsum(sizes)[:-1]

    def parted(flat: Rows) -> Fitted:
        first, *others = np.split(flat, cuts)
        return Fitted(first, tuple(others))

    def back(rows: Rows) -> Rows:
        return np.concatenate([rows.astype(np.float32) @ dense, *(design.back(rows) for design in designs)])

    made = np.zeros(sum(sizes))
    for _ in range(NEWTON_STEPS):
        score = parted(made).scores(dense, designs)
        chance = 1 / (1 + np.exp(-score))
        spread: Rows = np.multiply(weight, np.maximum(chance * (1 - chance), 1e-4), dtype=np.float64)
        squares = [spread.astype(np.float32) @ dense**2, *(design.squares(spread) for design in designs)]
        scale = 1 / (PENALTY + np.concatenate(squares))
        left = back(weight * (wanted - chance)) - PENALTY * made
        step = np.zeros_like(made)
        way = scaled = scale * left
        size = left @ scaled
        for _ in range(SOLVER_STEPS):
            bent = back(spread * parted(way).scores(dense, designs)) + PENALTY * way
            far = size / (way @ bent)
            step, left = step + far * way, left - far * bent
            scaled = scale * left
            size, before = left @ scaled, size
            way = scaled + size / before * way
        made = made + step
    return parted(made)


def ridge(alike: Rows, wanted: Rows, weight: Rows) -> Rows:
    """Dual weights of least squares with a squared penalty: a row of ``alike`` times them is an estimate."""
    return np.asarray(np.linalg.solve(alike + np.diag(RIDGE / weight), wanted), np.float64)
