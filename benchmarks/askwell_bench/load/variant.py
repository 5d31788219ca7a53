"""Servers that differ by their flags, all of one model, each standing for the time of a benchmark."""

import argparse
import shlex
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..serving import running_server


@dataclass(frozen=True, slots=True)
class Variant:
    name: str
    flags: str


def add_variants(parser: argparse.ArgumentParser, default: Sequence[Variant]) -> None:
    parser.add_argument(
        "--variant",
        action="append",
        type=variant_from_text,
        metavar="NAME=FLAGS",
        help="a server to measure, its flags in one argument; the first is the baseline, the last is judged "
        f"(default: {'; '.join(f'{each.name}={each.flags}' for each in default)})",
    )
    parser.set_defaults(default_variants=tuple(default))


def variants_of(given: argparse.Namespace) -> tuple[Variant, ...]:
    """Raises ValueError unless there are two at least, of different names."""
    variants = tuple(given.variant or given.default_variants)
    if len(variants) < 2 or len({each.name for each in variants}) < len(variants):
        raise ValueError("give --variant twice at least, with different names: the baseline first")
    return variants


def variant_from_text(text: str) -> Variant:
    name, separator, flags = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FLAGS, such as fifo='--policy fifo'")
    try:
        shlex.split(flags)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"the flags of {name!r} cannot be read: {error}") from None
    return Variant(name, flags)


@contextmanager
def standing(model: Path, variants: Sequence[Variant]) -> Iterator[dict[str, str]]:
    """Start a server each, and yield their addresses by name. Those whose turn it is not are idle."""
    with ExitStack() as stack:
        yield {
            each.name: stack.enter_context(running_server(model, *shlex.split(each.flags)))
            for each in variants
        }
