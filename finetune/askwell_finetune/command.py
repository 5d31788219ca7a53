"""The command ``askwell-finetune``: data, train, prefer, eval, scratch, each a subcommand with its --help."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from askwell_convert.command_line import Parser, exit_code
from askwell_convert.errors import ConvertError


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, 2 for input that cannot be used, 130 when interrupted; every refusal is one line."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return exit_code(
        "askwell-finetune", "finetune", lambda: _run(given), (ValueError, ConvertError), "interrupted"
    )


def _run(arguments: list[str]) -> int:
    subcommands = _subcommands()
    parsed = _parser(subcommands).parse_args(arguments)
    status: int = subcommands[parsed.subcommand].run(parsed)
    return status


def _subcommands() -> dict[str, Any]:
    """Imported here, so that what they lack is said in one line."""
    from .commands import data, eval, prefer, scratch, train

    return {module.NAME: module for module in (data, train, prefer, eval, scratch)}


def _parser(subcommands: dict[str, Any]) -> argparse.ArgumentParser:
    parser = Parser(prog="askwell-finetune", description="Teach a model to ask interview questions.")
    subparsers = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    for name, module in subcommands.items():
        told = module.__doc__ or ""
        module.add_arguments(subparsers.add_parser(name, description=told, help=told.splitlines()[0]))
    return parser


if __name__ == "__main__":
    sys.exit(main())
