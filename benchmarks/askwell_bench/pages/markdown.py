"""Figures and tables as Markdown writes them."""

import math
import re
from collections.abc import Iterable, Sequence

NONE = "–"
_FIGURE = re.compile(r"(?:[\d.,*–+−%() ]|to )+$")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Words to the left, figures to the right. Empty without rows; columns of dashes are left out."""
    given = [[_cell(content) for content in row] for row in rows]
    kept = [i for i in range(len(header)) if i == 0 or any(row[i] != NONE for row in given)]
    if not given:
        return ""
    figures = [i > 0 and all(_FIGURE.match(row[i]) for row in given) for i in kept]
    lines = [[header[i] for i in kept], ["---:" if each else "---" for each in figures]]
    lines += [[row[i] for i in kept] for row in given]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float | None, digits: int = 3) -> str:
    """With so many significant digits, and every digit before the point: 0.0312, 4.70, 31.4, 1,234."""
    if value is None or not math.isfinite(value):
        return NONE
    size = int(f"{value:.{digits - 1}e}".partition("e")[2]) if value else digits - 1
    return f"{value:,.{max(0, digits - 1 - size)}f}".replace("-", "−")


def whole(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f}"


def signed(value: float | None, digits: int = 2) -> str:
    return NONE if value is None else ("+" if value >= 0 else "") + number(value, digits)


def percent(share: float | None) -> str:
    return NONE if share is None else f"{share * 100:.0f} %"


def exact(value: float | None) -> str:
    """What was chosen and not measured, as it was given: 3, 0.25."""
    return NONE if value is None else f"{value:g}"


def scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def span(values: Sequence[float], digits: int = 2) -> str:
    """The least and the greatest, or one where they read the same."""
    if not values:
        return NONE
    low, high = number(min(values), digits), number(max(values), digits)
    return low if low == high else f"{low}–{high}"


def counted(count: object, noun: str) -> str:
    """1 thread, 2 threads."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def listed(parts: Sequence[str]) -> str:
    """As a sentence lists them."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def text(value: object) -> str:
    return NONE if value is None or value == "" else str(value)


def _cell(content: str) -> str:
    return " ".join(content.split()).replace("|", "\\|")
