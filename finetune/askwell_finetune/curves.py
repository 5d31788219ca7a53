"""``curves.svg``: training loss, validation loss and learning rate over the steps."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .standing import Standing

SMOOTHING = 0.95  # share of the mean before in an exponential moving average
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#999999"  # Okabe and Ito's, told apart by the colour-blind


def draw_curves(path: Path, title: str, standing: Standing, unit: str = "nats per token") -> None:
    """The same figures give the same bytes. ``unit``: of the losses."""
    import matplotlib
    from matplotlib.figure import Figure

    style: Any = {
        "svg.hashsalt": "askwell",
        "svg.fonttype": "none",
        "axes.spines.top": False,
        "axes.grid": True,
    }
    with matplotlib.rc_context({**style, "grid.alpha": 0.3, "legend.frameon": False}):
        figure = Figure(figsize=(7.2, 4.0), layout="constrained")
        axes = figure.subplots()
        steps = [each.step for each in standing.steps]
        losses = [each.loss for each in standing.steps]
        axes.plot(steps, losses, color=BLUE, alpha=0.25, linewidth=0.8)
        axes.plot(steps, smoothed(losses), color=BLUE, label="training loss, smoothed")
        axes.plot(
            [each.step for each in standing.validations],
            [each.loss for each in standing.validations],
            color=ORANGE,
            marker="o",
            markersize=3,
            label="validation loss",
        )
        axes.set(title=title, xlabel="step", ylabel=unit)
        axes.set_ylim(bottom=0)
        rates = axes.twinx()
        rates.plot(
            steps, [each.learning_rate for each in standing.steps], color=GREY, ls=":", label="learning rate"
        )
        rates.set_ylabel("learning rate")
        rates.set_ylim(bottom=0)
        rates.grid(False)
        lines = [*axes.get_lines()[1:], *rates.get_lines()]
        axes.legend(lines, [str(line.get_label()) for line in lines])
        figure.savefig(path, format="svg", metadata={"Date": None})


def smoothed(values: Sequence[float]) -> list[float]:
    """Exponential moving average, corrected for its start (https://arxiv.org/abs/1412.6980, section 3)."""
    mean, means = 0.0, []
    for number, value in enumerate(values, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * value
        means.append(mean / (1 - SMOOTHING**number))
    return means
