"""``askwell questions``: interview questions from a job description and a résumé."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from askwell_client.client import Client
from askwell_client.commands.parser import UsageError, add_connection, add_sampling, given
from askwell_client.commands.question_screen import write_plan, write_question, write_summary
from askwell_client.commands.screen import Screen, write_json
from askwell_client.interview import Question, Slot, StreamPlan, Summary

if TYPE_CHECKING:
    from askwell_client.commands.parser import Subparsers


def add_parser(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser("questions", help="write interview questions for a candidate")
    parser.add_argument(
        "--job", type=Path, required=True, metavar="FILE", help="the job description: text, PDF or DOCX"
    )
    parser.add_argument(
        "--resume", type=Path, required=True, metavar="FILE", help="the résumé: text, PDF or DOCX"
    )
    parser.add_argument("--count", type=int, metavar="N", help="questions to write (default: 8)")
    parser.add_argument(
        "--core", type=Path, metavar="FILE", help="what --json printed before: reuse its core questions"
    )
    add_sampling(parser)
    add_connection(parser, timeout_s=300)
    parser.set_defaults(run=run, retries=3)


def run(options: argparse.Namespace, client: Client, screen: Screen) -> int:
    asked = given(options, "count")
    if options.core is not None:
        asked["core_questions"] = _core_questions(options.core)
    if options.json:
        write_json(client.questions(options.job, options.resume, **asked).to_dict())
    else:
        _stream(options, client, screen, asked)
    return 0


def _stream(options: argparse.Namespace, client: Client, screen: Screen, asked: dict[str, Any]) -> None:
    """Each part as it comes, and on a terminal what is awaited."""
    planned = finished = 0
    with screen.status("reading the documents") as status:
        for event in client.stream_questions(options.job, options.resume, **asked):
            if isinstance(event, StreamPlan):
                planned = len(event.plan.items)
                write_plan(screen, event)
            elif isinstance(event, Question):
                finished += 1
                write_question(screen, event, number=finished, of=planned)
            elif isinstance(event, Summary):
                write_summary(screen, event)
            status.update(f"writing questions, {finished} of {planned} finished")


def _core_questions(path: Path) -> list[Question]:
    """The core questions in what an earlier ``--json`` printed. Raises ``UsageError`` when there are none."""
    try:
        saved = json.loads(path.read_bytes())
        questions = [Question.from_dict(each) for each in saved["questions"]]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not what askwell questions --json prints: {error}") from None
    core = [question for question in questions if question.slot is Slot.CORE]
    if not core:
        raise UsageError(f"{path} holds no core question")
    return core
