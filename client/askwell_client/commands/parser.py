"""Arguments that several subcommands share."""

import argparse
import math
import os
from typing import TYPE_CHECKING, Any, NoReturn

from askwell_client.option import SamplingOptions
from askwell_client.target import checked_target

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction["Parser"]  # argparse has no public name for it


class UsageError(Exception):
    """Something the user has to change, in one line."""


class Parser(argparse.ArgumentParser):
    """Complains in one line, and takes no abbreviations: they break when an option is added."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def add_connection(parser: argparse.ArgumentParser, timeout_s: float) -> None:
    """``--server``, ``--timeout`` and ``--json``, which every subcommand has."""
    parser.add_argument(
        "--server",
        metavar="HOST:PORT",
        type=_target,
        default=os.environ.get("ASKWELL_SERVER") or "localhost:50051",
        help="the server's address (default: $ASKWELL_SERVER, or localhost:50051)",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        default=timeout_s,
        help="how long to wait for the whole answer (default: %(default)g)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """How tokens are chosen, and when; what is not given is left to the server."""
    group = parser.add_argument_group("how the model chooses tokens")
    group.add_argument("--temperature", type=float, metavar="T", help="0 always takes the likeliest token")
    group.add_argument("--top-k", type=int, metavar="K", help="among the K likeliest tokens; 0 for all")
    group.add_argument("--top-p", type=float, metavar="P", help="among the likeliest that add up to P")
    group.add_argument("--repetition-penalty", type=float, metavar="X", help="1 is off")
    group.add_argument("--no-repeat-ngram-size", type=int, metavar="N", help="0 is off")
    group.add_argument("--num-beams", type=int, metavar="N", help="beams to search with")
    group.add_argument("--seed", type=int, metavar="N", help="accepted by greedy search only")
    group.add_argument("--suppress", action="append", metavar="TEXT", help="never write this (repeatable)")
    group.add_argument("--max-new-tokens", type=int, metavar="N", help="tokens to write at most")
    group.add_argument("--num-return", type=int, metavar="N", help="independent samples to draw")
    group.add_argument("--model", metavar="NAME", help="refuse any other model")
    turn = parser.add_argument_group("whose turn it is when others wait")
    turn.add_argument(
        "--priority", choices=("interactive", "normal", "batch"), help="which requests go first"
    )
    turn.add_argument("--tenant", metavar="NAME", help="who asks; tenants take turns")


def add_jurisdiction(parser: argparse.ArgumentParser) -> None:
    """``--jurisdiction``, as ``jurisdictions``; None where it is not given."""
    parser.add_argument(
        "--jurisdiction",
        dest="jurisdictions",
        metavar="CODES",
        type=_codes,
        help="whose law says what must not be asked, of US, UK, EU and CN: US,EU (default: that of all)",
    )


def given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The options of ``add_sampling``, and ``names``, that were given."""
    shared = [*SamplingOptions.__annotations__, "max_new_tokens", "num_return", "model", "priority", "tenant"]
    return {name: getattr(options, name) for name in [*shared, *names] if getattr(options, name) is not None}


def _target(text: str) -> str:
    try:
        return checked_target(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _codes(text: str) -> tuple[str, ...]:
    codes = tuple(code.strip().upper() for code in text.split(","))
    if not all(codes):
        raise argparse.ArgumentTypeError(f"must be codes with commas between them, not {text!r}")
    return codes


def seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, not {text!r}")
    return number
