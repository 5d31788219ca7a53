"""Plots as SVG, the same bytes for the same figures."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
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
# Okabe and Ito's colours, told apart by the colour-blind, and markers for a printed page.
_LINES = tuple(zip(("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"), "os^Dv<", strict=True))


def plot_saturation(
    path: Path, title: str, percentile: str, points: Sequence[tuple[str, float, float]]
) -> None:
    """``points`` are label, tokens a second, and end-to-end seconds at the percentile, one per level."""

    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        rates, times_s = [point[1] for point in points], [point[2] for point in points]
        axes.plot(rates, times_s, marker="o", color="tab:blue")
        for label, rate, time_s in points:
            axes.annotate(
                label, (rate, time_s), xytext=(7, -12), textcoords="offset points", fontsize=8,
                bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
            )  # fmt: skip
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
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), fontsize=8)
        figure.axes[0].set_ylabel("share of requests")

    _save(path, (4.6 * len(panels), 4.0), draw)


def _draw_distributions(axes: "Axes", lines: Mapping[str, Sequence[float]]) -> None:
    for (label, times_s), (color, _) in zip(lines.items(), cycle(_LINES), strict=False):
        if times_s:
            axes.ecdf(np.asarray(times_s) * 1e3, label=label, color=color)
    axes.axhline(0.99, color="grey", linewidth=0.8, linestyle=":")


def plot_peers(path: Path, panels: Mapping[str, Sequence[tuple[str, float, float | None]]]) -> None:
    """A panel for each workload, in it a bar for each peer: label, time through ours, perplexity.

    What is faster than Askwell stands out by colour and ends left of the line.
    """

    def draw(figure: "Figure") -> None:
        heights = {"height_ratios": [len(bars) for bars in panels.values()]}
        rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False, gridspec_kw=heights)[:, 0]
        for axes, (title, bars) in zip(rows, panels.items(), strict=True):
            _draw_peers(axes, title, bars)
        figure.axes[-1].set_xlim(0, 1.25 * max(ratio for bars in panels.values() for _, ratio, _ in bars))
        figure.axes[-1].set_xlabel("time ÷ Askwell's, and (perplexity): less is better")

    bars = sum(map(len, panels.values()))
    _save(path, (7.2, 0.8 + 0.5 * len(panels) + 0.3 * bars), draw)


def _draw_peers(axes: "Axes", title: str, bars: Sequence[tuple[str, float, float | None]]) -> None:
    ratios = [ratio for _, ratio, _ in bars]
    colors = ["#0072b2" if ratio == 1 else "#d55e00" if ratio < 1 else "#999999" for ratio in ratios]
    axes.barh([label for label, _, _ in bars], ratios, color=colors, height=0.7)
    for place, (_, ratio, perplexity) in enumerate(bars):
        told = f"{ratio:.2f}" + (f" ({perplexity:.1f})" if perplexity else "")
        beside = (max(ratio, 1), place)  # not on the line
        axes.annotate(told, beside, xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.axvline(1, color="black", linewidth=0.8, linestyle=":")
    axes.set_title(title, loc="left", fontsize=10)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")


def plot_fitted(
    path: Path,
    title: str,
    axis_labels: tuple[str, str],
    points: Mapping[str, Sequence[tuple[float, float]]],
    lines: Mapping[str, Sequence[tuple[float, float]]],
) -> None:
    """Measured points, and through them the fitted line of the same label where there is one."""

    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        for (label, measured), (color, marker) in zip(points.items(), cycle(_LINES)):
            axes.plot(*zip(*measured, strict=True), marker, color=color, label=label, markersize=5)
            if label in lines:
                axes.plot(*zip(*lines[label], strict=True), color=color, linewidth=1.2)
        axes.set(title=title, xlabel=axis_labels[0], ylabel=axis_labels[1])
        axes.set_xlim(0)
        axes.set_ylim(0)
        axes.legend(fontsize=8, reverse=True)

    _save(path, (6.4, 4.0), draw)


def _save(path: Path, size_inches: tuple[float, float], draw: Callable[["Figure"], None]) -> None:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=size_inches, layout="constrained")
        draw(figure)
        figure.savefig(path, format="svg", metadata={"Date": None})
