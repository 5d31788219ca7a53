"""Plots as SVG, the same bytes for the same figures."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLE: Any = {
    "svg.hashsalt": "askwell",
    "svg.fonttype": "none",  # text stays text: smaller, and searchable
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "legend.frameon": False,
}


def plot_saturation(
    path: Path, title: str, percentile: str, points: Sequence[tuple[str, float, float]]
) -> None:
    """``points`` are label, tokens a second, and end-to-end seconds at the percentile, one per level."""

    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        rates, times_s = [point[1] for point in points], [point[2] for point in points]
        axes.plot(rates, times_s, marker="o", color="tab:blue")
        for label, rate, time_s in points:
            axes.annotate(label, (rate, time_s), xytext=(6, -11), textcoords="offset points", fontsize=8)
        axes.set(title=title, xlabel="tokens per second", ylabel=f"end to end, {percentile}, s")
        axes.set_xlim(0, max(rates) * 1.2)
        axes.set_ylim(0, max(times_s) * 1.15)

    _save(path, (6.4, 4.0), draw)


def plot_latencies(path: Path, title: str, panels: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Cumulative distributions: a panel for each latency, in it a line for each level's seconds."""

    def draw(figure: "Figure") -> None:
        from matplotlib.ticker import LogLocator, NullFormatter

        figure.suptitle(title)
        for axes, (name, lines) in zip(
            figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels.items(), strict=True
        ):
            _draw_distributions(axes, lines)
            axes.set(xlabel=f"{name}, ms", xscale="log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.legend(loc="lower right", fontsize=8)
        figure.axes[0].set_ylabel("share of requests")

    _save(path, (4.6 * len(panels), 4.0), draw)


def _draw_distributions(axes: "Axes", lines: Mapping[str, Sequence[float]]) -> None:
    for label, times_s in lines.items():
        if times_s:
            axes.ecdf(np.asarray(times_s) * 1e3, label=label)
    axes.axhline(0.99, color="grey", linewidth=0.8, linestyle=":")


def _save(path: Path, size_inches: tuple[float, float], draw: Callable[["Figure"], None]) -> None:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=size_inches, layout="constrained")
        draw(figure)
        figure.savefig(path, format="svg", metadata={"Date": None})
