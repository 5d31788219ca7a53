"""``askwell check``: whether questions may be asked of a candidate, one a line."""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from askwell_client.client import Client
from askwell_client.commands.parser import UsageError, add_connection
from askwell_client.commands.screen import Screen, write, write_json
from askwell_client.errors import InvalidRequestError
from askwell_client.interview import QuestionCheck

if TYPE_CHECKING:
    from askwell_client.commands.parser import Subparsers


def add_parser(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser("check", help="say which questions must not be asked, and what to ask")
    parser.add_argument(
        "--jurisdiction",
        metavar="CODES",
        type=_codes,
        default=(),
        help="whose law counts, of US, UK, EU and CN: US,EU (default: that of all)",
    )
    parser.epilog = "Reads questions from standard input, one a line, and answers each with one line."
    add_connection(parser, timeout_s=30)
    parser.set_defaults(run=run, retries=3)


def run(options: argparse.Namespace, client: Client, screen: Screen) -> int:
    """0 however many questions are refused: the answer is in the lines."""
    for number, line in enumerate(_lines(), start=1):
        if not line.strip():
            raise UsageError(f"line {number} is empty; give one question a line")
        try:
            check = client.check_question(line, jurisdictions=options.jurisdiction)
        except InvalidRequestError as error:
            raise UsageError(f"line {number}: {error}") from None
        if options.json:
            write_json(check.to_dict(), indent=None)
        else:
            write(_told(check, line.strip()) + "\n")
    return 0


def _told(check: QuestionCheck, question: str) -> str:
    if check.allowed:
        where = f" ({check.category_name}: not in {', '.join(check.jurisdictions)})" if check.category else ""
        return f"ask      {question}{where}"
    instead = f" Ask: {check.rewrite}" if check.rewrite else ""
    return f"do not   {question} ({check.category_name}) {check.reason}{instead}"


def _lines() -> Iterator[str]:
    """Standard input's lines as they come, without their ends. Raises ``UsageError`` when not UTF-8."""
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise UsageError(f"line {number} of standard input is not UTF-8") from None


def _codes(text: str) -> tuple[str, ...]:
    codes = tuple(code.strip().upper() for code in text.split(","))
    if not all(codes):
        raise argparse.ArgumentTypeError(f"must be codes with commas between them, not {text!r}")
    return codes
