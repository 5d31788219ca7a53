"""``askwell follow-up``: what to ask next, after an answer."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from askwell_client.client import Client
from askwell_client.commands.parser import UsageError, add_connection, add_sampling, given
from askwell_client.commands.screen import Screen, shown, words, write, write_json

if TYPE_CHECKING:
    from askwell_client.commands.parser import Subparsers

# What the server takes of an answer at most, in bytes: four for each character.
ANSWER_BYTES = 4 * 4000


def add_parser(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser("follow-up", help="say what an answer lacks, and what to ask next")
    parser.add_argument("--question", required=True, metavar="TEXT", help="the question that was answered")
    parser.add_argument("--competency", metavar="NAME", help="what the question probes")
    parser.add_argument(
        "--answer", default="-", metavar="FILE", help="the answer as text; - is standard input (default)"
    )
    add_sampling(parser)
    add_connection(parser, timeout_s=60)
    parser.set_defaults(run=run, retries=3)


def run(options: argparse.Namespace, client: Client, screen: Screen) -> int:
    answer = _answer(options.answer)
    suggestion = client.suggest_follow_up(options.question, answer, **given(options, "competency"))
    if options.json:
        write_json(suggestion.to_dict())
    else:
        write(f"{words(suggestion.trigger):<12} {suggestion.source} {shown(suggestion.text)}\n")
    return 0


def _answer(name: str) -> str:
    where = "standard input" if name == "-" else name
    if name == "-":
        content = sys.stdin.buffer.read(ANSWER_BYTES + 1)
    else:
        with Path(name).open("rb") as file:
            content = file.read(ANSWER_BYTES + 1)
    if len(content) > ANSWER_BYTES:
        raise UsageError(f"{where} is longer than an answer may be: 4,000 characters")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{where} is not UTF-8 text") from None
