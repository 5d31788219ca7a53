"""The cost model fitted to what was measured, and how far it is off: on those points and between them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from askwell_server.engine.cost import CostModel

from ..plot import plot_fitted
from .fit import Point, error_figures, fit_cost, relative_errors
from .section import Section


@dataclass(frozen=True, slots=True)
class Calibration:
    """``figures`` are the coefficients in microseconds (a result keeps six decimals), and the errors."""

    model: CostModel
    figures: dict[str, float]
    lines: tuple[str, ...]


def calibrate(
    prefill: Section, step: Section, held_out_prefill: Section, held_out_step: Section
) -> Calibration | None:
    """None where too few points were measured."""
    fitted, others = (_prefills(prefill), _steps(step)), (_prefills(held_out_prefill), _steps(held_out_step))
    try:
        model = fit_cost(*fitted)
    except ValueError:
        return None
    figures = {**_microseconds(model), **error_figures(relative_errors(model, *fitted))}
    told = "off by {median_error:.1%} in the median, {p90_error:.1%} at p90".format(**figures)
    if between := relative_errors(model, *others):
        figures["held_out_median_error"] = error_figures(between)["median_error"]
        figures["held_out_p90_error"] = error_figures(between)["p90_error"]
        told += "; between the points by {held_out_median_error:.1%} and {held_out_p90_error:.1%}".format(
            **figures
        )
    return Calibration(model, figures, ("cost model, in ms", *_formula(model), f"  {told}"))


def plot_steps(path: Path, name: str, model: CostModel, step: Section) -> None:
    points: dict[str, list[tuple[float, float]]] = {}
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in sorted(step.rows, key=lambda row: (row["rows"], row["context"])):
        points.setdefault(_label(row["rows"]), []).append((row["context"], row["ms"]))
    longest = max(row["context"] for row in step.rows)
    for rows in sorted({row["rows"] for row in step.rows}):
        contexts = np.linspace(0, longest, 2)  # the model is straight
        lines[_label(rows)] = [(float(at), model.step_s(rows, float(at)) * 1e3) for at in contexts]
    title = f"Decoding step of {name}"
    plot_fitted(path, title, ("tokens of context a row", "step, ms"), points, lines)


def _label(rows: int) -> str:
    return f"{rows} row{'' if rows == 1 else 's'}"


def _microseconds(model: CostModel) -> dict[str, float]:
    return {f"{name.removesuffix('_s')}_us": value * 1e6 for name, value in asdict(model).items()}


def _formula(model: CostModel) -> tuple[str, ...]:
    ms = {name: f"{value * 1e3:.3g}" for name, value in asdict(model).items()}
    prefill = (
        "  prefill = {prefill_call_s} + {prefill_token_s} · rows · length + {prefill_pair_s} · rows · length²"
    )
    step = "  step    = {step_call_s} + {step_row_s} · rows + {step_cached_s} · rows · context"
    return prefill.format(**ms), step.format(**ms)


def _prefills(section: Section) -> Sequence[Point]:
    return [Point(row["rows"], row["tokens"], row["seconds"]) for row in section.rows]


def _steps(section: Section) -> Sequence[Point]:
    return [Point(row["rows"], row["context"], row["ms"] / 1e3) for row in section.rows]
