"""``askwell check``: whether questions may be asked of a candidate, one a line."""

import argparse
import sys
from typing import TYPE_CHECKING

from askwell_client.client import Client
from askwell_client.commands.parser import add_connection, add_jurisdiction
from askwell_client.commands.screen import Screen, shown, write, write_json
from askwell_client.errors import InvalidRequestError
from askwell_client.interview import QuestionCheck

if TYPE_CHECKING:
    from askwell_client.commands.parser import Subparsers


def add_parser(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser("check", help="say which questions must not be asked, and what to ask")
    add_jurisdiction(parser)
    parser.epilog = (
        "Reads questions from standard input, one a line, and answers each with one line; empty lines are "
        "left out. A line that cannot be checked is told on standard error, or with --json in its place as "
        '{"line": N, "error": TEXT}, and the exit status is then 2.'
    )
    add_connection(parser, timeout_s=30)
    parser.set_defaults(run=run, retries=3)


def run(options: argparse.Namespace, client: Client, screen: Screen) -> int:
    """0 however many questions must not be asked: that is in the lines. 2 where a line is no question."""
    status = 0
    for number, raw in enumerate(sys.stdin.buffer, start=1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            if not line:
                continue
            check = client.check_question(line, jurisdictions=options.jurisdictions or ())
        except UnicodeDecodeError:
            status = _complain(number, "not UTF-8", json=options.json)
        except InvalidRequestError as error:
            if any(violation.field != "text" for violation in error.violations):
                raise  # every other line would be refused for it too
            status = _complain(number, str(error), json=options.json)
        else:
            if options.json:
                write_json(check.to_dict(), indent=None)
            else:
                write(_told(check, line) + "\n")
    return status


def _complain(number: int, told: str, *, json: bool) -> int:
    """Where the line's answer is looked for. The exit status."""
    if json:
        write_json({"line": number, "error": told}, indent=None)
    else:
        print(f"askwell: line {number}: {shown(told)}", file=sys.stderr, flush=True)
    return 2


def _told(check: QuestionCheck, question: str) -> str:
    if check.allowed:
        where = f" ({check.category_name}: not in {', '.join(check.jurisdictions)})" if check.category else ""
        return f"ask      {question}{where}"
    instead = f" Ask: {check.rewrite}" if check.rewrite else ""
    return f"do not   {question} ({check.category_name}) {check.reason}{instead}"
