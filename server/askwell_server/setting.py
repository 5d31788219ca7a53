"""One setting: its name in each place, and how a value given there is read and checked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

ENVIRONMENT_PREFIX = "ASKWELL_"


class ConfigError(ValueError):
    """A setting that cannot be used. The message is one line that names it and where it came from."""


@dataclass(frozen=True, slots=True)
class Setting:
    """``parse`` takes flag or environment text, or a TOML value; it raises ValueError."""

    name: str
    parse: Callable[[object], object]
    default: object
    help: str
    metavar: str | None = None

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return ENVIRONMENT_PREFIX + self.name.upper()


def text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text, and not empty")
    return value


def path(value: object) -> Path:
    try:
        return Path(text(value)).expanduser()
    except RuntimeError as error:  # ~NAME of nobody
        raise ValueError(f"{value!r}: {error}") from None


def number(kind: type[int] | type[float], low: float, high: float) -> Callable[[object], object]:
    noun = "a whole number" if kind is int else "a number"

    def parse(value: object) -> object:
        try:
            if isinstance(value, bool) or (kind is int and isinstance(value, float)):
                raise ValueError
            number = kind(cast(Any, value))
        except (ValueError, TypeError, OverflowError):
            number = None
        if number is None or not low <= number <= high:  # NaN fails here too
            raise ValueError(f"{value!r} is not {noun} from {low:g} to {high:g}")
        return number

    return parse


def choice(*names: str) -> Callable[[object], object]:
    def parse(value: object) -> object:
        if value not in names:
            raise ValueError(f"{value!r} is not one of {', '.join(names)}")
        return value

    return parse


def switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if not isinstance(value, str) or value.lower() not in known:
        raise ValueError(f"{value!r} is neither true nor false")
    return known[value.lower()]


def indices(value: object) -> tuple[int, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    whole = number(int, 0, 1023)
    if not isinstance(parts, list) or not parts:
        raise ValueError(f"{value!r} is not a list of device numbers, such as 0,1")
    found = tuple(cast(int, whole(part)) for part in parts)
    if len(set(found)) < len(found):
        raise ValueError(f"{value!r} names a device twice")
    return found
