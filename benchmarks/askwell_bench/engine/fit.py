"""The server's cost model, fitted to what was measured.

Least squares of the relative residuals (a tenth too much weighs the same for a short step as for a long
prefill) with coefficients that are not negative: scipy's nnls.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from askwell_server.engine.cost import CostModel

_LEAST = 3  # points of each kind, as many as coefficients


@dataclass(frozen=True, slots=True)
class Point:
    """``size`` is the tokens of each row: of its prompt, or of its context."""

    rows: int
    size: int
    seconds: float


def fit_cost(prefill: Sequence[Point], step: Sequence[Point]) -> CostModel:
    """Raises ValueError for too few points. Points of no time (noise ate them) are passed over."""
    prefill, step = _usable(prefill), _usable(step)
    if min(len(prefill), len(step)) < _LEAST:
        raise ValueError(f"a cost model needs {_LEAST} prefills and {_LEAST} steps")
    call_s, token_s, pair_s = _fitted(
        prefill, [(1, point.rows * point.size, point.rows * point.size**2) for point in prefill]
    )
    step_s, row_s, cached_s = _fitted(step, [(1, point.rows, point.rows * point.size) for point in step])
    return CostModel(call_s, token_s, pair_s, step_s, row_s, cached_s)


def relative_errors(model: CostModel, prefill: Sequence[Point], step: Sequence[Point]) -> list[float]:
    """How far the model is off each point, as a share of what was measured."""
    told = [(model.prefill_s(p.rows, p.size), p.seconds) for p in _usable(prefill)]
    told += [(model.step_s(p.rows, p.size), p.seconds) for p in _usable(step)]
    return [abs(predicted - measured) / measured for predicted, measured in told]


def error_figures(errors: Sequence[float]) -> dict[str, float]:
    """Median and 90th percentile."""
    return {"median_error": statistics.median(errors), "p90_error": float(np.quantile(errors, 0.9))}


def _fitted(points: Sequence[Point], terms: Sequence[tuple[float, float, float]]) -> list[float]:
    from scipy.optimize import nnls

    seconds = np.array([point.seconds for point in points])
    matrix = np.array(terms, dtype=float) / seconds[:, None]
    scale = np.linalg.norm(matrix, axis=0)  # the terms are seven orders of magnitude apart
    solution, _ = nnls(matrix / scale, np.ones(len(points)))
    return [float(each) for each in solution / scale]


def _usable(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if point.seconds > 0]
