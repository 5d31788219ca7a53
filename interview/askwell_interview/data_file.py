"""The files of ``data/``, read once."""

from functools import cache
from importlib.resources import files


@cache
def data_lines(name: str) -> tuple[str, ...]:
    """A file's lines without empty ones and those that begin with ``#``."""
    text = data_text(name)
    return tuple(line for line in text.splitlines() if line.strip() and not line.startswith("#"))


def data_text(name: str) -> str:
    return (files(__package__) / "data" / name).read_text(encoding="utf-8")


@cache
def first_names() -> frozenset[str]:
    """First names, lower case."""
    return frozenset(line.strip().casefold() for line in data_lines("first_names.txt"))


@cache
def plain_words() -> frozenset[str]:
    """Stems of the words that any interview question may use."""
    from .word import stem

    return frozenset(stem(word) for line in data_lines("plain_words.txt") for word in line.split())
