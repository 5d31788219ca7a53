"""The files of ``data/``, read once."""

from functools import cache
from importlib.resources import files

from .word import stem


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
def stems_of(name: str) -> frozenset[str]:
    """Stems of a file's words, also as they inflect: short words keep their endings."""
    words = [word for line in data_lines(name) for word in line.split()]
    forms = (form for w in words for form in (w, w + "s", w + "ed", w + "ing", w[:-1] + "ing", w[:-1] + "ed"))
    return frozenset(stem(form) for form in forms)


def plain_words() -> frozenset[str]:
    """Stems of the words that any interview question may use."""
    return stems_of("plain_words.txt")


def telling_words() -> frozenset[str]:
    """Stems of words that name a circumstance of work, worth asking about for any job."""
    return stems_of("telling_words.txt")
