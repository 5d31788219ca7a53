"""The quantization report as a picture: an SVG heat map, layers across and matrices down.

Colours are attributes, for a light page; a style sheet inside changes text and ground on a dark one.
"""

from collections.abc import Iterable, Sequence
from html import escape

from .report import MatrixError, worst_rows

CELL, GAP, LEFT, TOP, MARGIN = 30, 3, 168, 84, 24
LEAST_COLUMNS = 14  # room for the title and the worst rows
RAMP = ((47, 93, 138), (84, 158, 163), (233, 203, 97), (214, 92, 44))
STYLE = """<style>
  @media (prefers-color-scheme: dark) {
    .ground { fill: #12161c } .text { fill: #e4e9f0 } .faint { fill: #9aa6b5 }
  }
</style>"""


def heat_map(matrices: Sequence[MatrixError]) -> str:
    """The picture of a model's matrices, as text."""
    layers = sorted({each.layer for each in matrices if each.layer is not None})
    names = list(dict.fromkeys(each.matrix for each in matrices if each.layer is not None))
    whole = [each for each in matrices if each.layer is None]
    worst = worst_rows(matrices)
    low, high = min((m.error for m in matrices), default=0.0), max((m.error for m in matrices), default=0.0)
    step = CELL + GAP
    width = LEFT + max(len(layers), LEAST_COLUMNS) * step + MARGIN
    below = TOP + len(names) * step + (10 if whole else 0)
    listed = below + len(whole) * step + 34
    height = listed + 18 * len(worst) + MARGIN

    drawn = [
        f'<rect class="ground" width="{width}" height="{height}" rx="10" fill="#ffffff"/>',
        _text(MARGIN, 34, "What int8 costs each matrix", size=17, weight=600),
        _text(MARGIN, 54, "relative error ‖w − q/s‖ / ‖w‖ in percent, by layer", faint=True),
        *_legend(width - MARGIN - 190, 24, low, high),
    ]
    drawn += [
        _text(LEFT + column * step + CELL / 2, TOP - 8, str(layer), anchor="middle", faint=True, size=11)
        for column, layer in enumerate(layers)
    ]
    for row, name in enumerate(names):
        y = TOP + row * step
        drawn.append(_text(LEFT - 12, y + CELL / 2 + 4, name, anchor="end"))
        drawn += [
            _cell(LEFT + layers.index(each.layer) * step, y, each, low, high)
            for each in matrices
            if each.matrix == name and each.layer is not None
        ]
    for row, each in enumerate(whole):
        y = below + row * step
        drawn += [
            _text(LEFT - 12, y + CELL / 2 + 4, each.matrix, anchor="end"),
            _cell(LEFT, y, each, low, high),
        ]
    drawn.append(_text(MARGIN, listed - 4, "Worst rows", weight=600))
    drawn += [
        _text(MARGIN, listed + 16 + 18 * number, f"{100 * row.error:.2f} %   row {row.row} of {row.tensor}")
        for number, row in enumerate(worst)
    ]
    return _document(width, height, drawn)


def _document(width: float, height: float, drawn: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">\n'
        + "\n".join([STYLE, *drawn])
        + "\n</svg>\n"
    )


def _cell(x: float, y: float, matrix: MatrixError, low: float, high: float) -> str:
    red, green, blue = _colour(matrix.error, low, high)
    ink = "#10151c" if 0.299 * red + 0.587 * green + 0.114 * blue > 118 else "#ffffff"
    where = matrix.matrix if matrix.layer is None else f"layer {matrix.layer}, {matrix.matrix}"
    worst = "".join(f"\n{100 * row.error:.2f} % in row {row.row} of {row.tensor}" for row in matrix.worst)
    tip = escape(f"{where}: {100 * matrix.error:.3f} %{worst}")
    return (
        f'<g><title>{tip}</title><rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" rx="4" '
        f'fill="rgb({red},{green},{blue})"/><text x="{x + CELL / 2}" y="{y + CELL / 2 + 4}" font-size="10.5" '
        f'text-anchor="middle" fill="{ink}">{_short(100 * matrix.error)}</text></g>'
    )


def _legend(x: float, y: float, low: float, high: float) -> list[str]:
    count = 38
    drawn = []
    for number in range(count):
        red, green, blue = _colour(number / (count - 1), 0.0, 1.0)
        drawn.append(
            f'<rect x="{x + 5 * number}" y="{y}" width="5.5" height="9" fill="rgb({red},{green},{blue})"/>'
        )
    return [
        *drawn,
        _text(x, y + 24, f"{100 * low:.2f} %", faint=True, size=11),
        _text(x + 5 * count, y + 24, f"{100 * high:.2f} %", anchor="end", faint=True, size=11),
    ]


def _colour(error: float, low: float, high: float) -> tuple[int, int, int]:
    position = (error - low) / (high - low) * (len(RAMP) - 1) if high > low else 0.0
    left = min(int(position), len(RAMP) - 2)
    share = position - left
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(RAMP[left], RAMP[left + 1], strict=True))
    return red, green, blue


def _short(percent: float) -> str:
    return f"{percent:.2f}" if percent < 10 else f"{percent:.0f}"


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: float = 13,
    weight: int = 400,
    anchor: str = "start",
    faint: bool = False,
) -> str:
    style, fill = ("faint", "#5b6675") if faint else ("text", "#1c2430")
    return (
        f'<text class="{style}" x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}" fill="{fill}" xml:space="preserve">{escape(text)}</text>'
    )
