"""Figures to be seen rather than read: a dot for each mean, a line for its interval, as inline SVG."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain

_WIDTH, _LABELS, _ROW, _HEAD, _FOOT = 360, 118, 24, 12, 28
_LEFT, _RIGHT = _LABELS + 8, _WIDTH - 46
_TICKS = 4


@dataclass(frozen=True, slots=True)
class Dot:
    """``own`` is drawn to be seen first."""

    label: str
    mean: float
    low: float
    high: float
    own: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A value to compare with, as a dashed line."""

    label: str
    value: float


def dot_chart(title: str, hint: str, dots: Sequence[Dot], marks: Sequence[Mark] = ()) -> str:
    """One quantity, a row for each dot, from 0 on. ``hint``: which side is better. Empty without dots."""
    if not dots:
        return ""
    most = max(chain((each.high for each in dots), (each.value for each in marks)))
    step = _step(most)
    top = step * math.ceil(most / step - 1e-9) if most else step
    bottom = _HEAD + _ROW * len(dots)

    def x(value: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * value / top

    ticks = [step * n for n in range(round(top / step) + 1)]
    axis = "".join(
        f'<line class="grid" x1="{x(each):.1f}" x2="{x(each):.1f}" y1="{_HEAD}" y2="{bottom}"/>'
        f'<text class="tick" x="{x(each):.1f}" y="{bottom + 14}">{each:g}</text>'
        for each in ticks
    )
    lines = "".join(
        f'<line class="mark" x1="{x(each.value):.1f}" x2="{x(each.value):.1f}" y1="{_HEAD}" y2="{bottom}">'
        f"<title>{escape(each.label)}</title></line>"
        for each in marks
    )
    rows = "".join(_row(each, x, _HEAD + _ROW * (n + 0.5)) for n, each in enumerate(dots))
    told = f"{hint}; dashed: {', '.join(each.label for each in marks)}" if marks else hint
    return (
        f'<figure><figcaption><b>{escape(title)}</b> <span class="why">{escape(told)}</span></figcaption>'
        f'<svg viewBox="0 0 {_WIDTH} {bottom + _FOOT - 8}" role="img" aria-label="{escape(title)}">'
        f"{axis}{lines}{rows}</svg></figure>"
    )


def _row(dot: Dot, x: Callable[[float], float], y: float) -> str:
    kind = "own" if dot.own else "other"
    told = f"{dot.label}: {dot.mean:.3f} [{dot.low:.3f}, {dot.high:.3f}]"
    return (
        f'<g class="{kind}"><title>{escape(told)}</title>'
        f'<text class="label" x="{_LABELS}" y="{y + 4:.1f}">{escape(dot.label)}</text>'
        f'<line class="span" x1="{x(dot.low):.1f}" x2="{x(dot.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<circle cx="{x(dot.mean):.1f}" cy="{y:.1f}" r="4.5"/>'
        f'<text class="value" x="{_WIDTH}" y="{y + 4:.1f}">{dot.mean:.3g}</text></g>'
    )


def _step(most: float) -> float:
    """1, 2 or 5 times a power of ten, for about four ticks."""
    if most <= 0:
        return 0.25
    raw = most / _TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
