"""``askwell follow-up``: what to ask next, after an answer."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from askwell_client.client import Client
from askwell_client.commands.parser import (
    UsageError,
    add_connection,
    add_jurisdiction,
    add_sampling,
    given,
)
from askwell_client.commands.questions import saved_questions
from askwell_client.commands.screen import Screen, shown, words, write, write_json
from askwell_client.interview import Question

if TYPE_CHECKING:
    from askwell_client.commands.parser import Subparsers

# What the server takes of an answer at most, in bytes: four for each character.
ANSWER_BYTES = 4 * 4000


def add_parser(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser("follow-up", help="say what an answer lacks, and what to ask next")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--question", metavar="TEXT", help="the question that was answered")
    asked.add_argument(
        "--from",
        dest="saved",
        type=Path,
        metavar="FILE",
        help="what askwell questions --json printed: its question --id, with its own follow-ups",
    )
    parser.add_argument("--id", metavar="ID", help="which question of that file: probe-2")
    parser.add_argument("--competency", metavar="NAME", help="what the question probes, for --question")
    add_jurisdiction(parser)
    parser.add_argument(
        "--answer", default="-", metavar="FILE", help="the answer as text; - is standard input (default)"
    )
    add_sampling(parser)
    add_connection(parser, timeout_s=60)
    parser.set_defaults(run=run, retries=3)


def run(options: argparse.Namespace, client: Client, screen: Screen) -> int:
    question = _question(options)
    answer = _answer(options.answer)
    asked = given(options, "competency", "jurisdictions")
    suggestion = client.suggest_follow_up(question, answer, **asked)
    if options.json:
        write_json(suggestion.to_dict())
    else:
        write(f"{words(suggestion.trigger):<12} {suggestion.source} {shown(suggestion.text)}\n")
    return 0


def _question(options: argparse.Namespace) -> Question | str:
    """Text, or a question that the server made, which says by itself what it probes."""
    if options.saved is None:
        if options.id is not None:
            raise UsageError("--id needs --from, the file that the question is in")
        return str(options.question)
    if options.id is None or options.competency is not None:
        raise UsageError("--from needs --id, and no --competency")
    questions = {question.id: question for question in saved_questions(options.saved)}
    if options.id not in questions:
        raise UsageError(f"{options.saved} holds no question {options.id!r}, but {', '.join(questions)}")
    return questions[options.id]


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
