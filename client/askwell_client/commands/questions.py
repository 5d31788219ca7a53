"""``askwell questions``: interview questions from a job description and a résumé."""

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from askwell_client.client import Client
from askwell_client.commands.kit import kit_from_questions
from askwell_client.commands.kit_docx import checked_docx, write_docx
from askwell_client.commands.kit_html import html_from_kit
from askwell_client.commands.parser import (
    UsageError,
    add_connection,
    add_jurisdiction,
    add_sampling,
    given,
)
from askwell_client.commands.question_screen import write_plan, write_question, write_summary
from askwell_client.commands.screen import Screen, write_json
from askwell_client.interview import Plan, Question, Slot, StreamPlan, Summary

if TYPE_CHECKING:
    from askwell_client.commands.parser import Subparsers


def add_parser(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser("questions", help="write interview questions for a candidate")
    parser.add_argument(
        "--job", type=Path, required=True, metavar="FILE", help="the job description: text, PDF or DOCX"
    )
    parser.add_argument(
        "--resume", type=Path, metavar="FILE", help="the résumé: text, PDF or DOCX; --mode bank needs none"
    )
    parser.add_argument(
        "--mode",
        choices=("structured", "mixed", "mock", "bank"),
        help="structured: the job's core, then probes (default); mixed: half of each, from easy to hard; "
        "mock: to practise, with what a good answer covers; bank: a job's core alone",
    )
    parser.add_argument("--minutes", type=int, metavar="N", help="how long the interview may take, 5 to 240")
    parser.add_argument("--count", type=int, metavar="N", help="questions to write (default: 8)")
    add_jurisdiction(parser)
    parser.add_argument(
        "--core", type=Path, metavar="FILE", help="what --json printed before: reuse its core questions"
    )
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write a kit to print: rubric, follow-ups, space for notes"
    )
    parser.add_argument(
        "--docx", type=Path, metavar="FILE", help="the same for Word; needs askwell[interview]"
    )
    add_sampling(parser)
    add_connection(parser, timeout_s=300)
    parser.set_defaults(run=run, retries=3)


def run(options: argparse.Namespace, client: Client, screen: Screen) -> int:
    _check_kit(options)
    if options.resume is None and options.mode != "bank":
        raise UsageError("--resume is missing: only --mode bank does without")
    asked = given(options, "count", "mode", "minutes", "jurisdictions")
    if options.core is not None:
        asked["core_questions"] = _core_questions(options.core)
    if options.json:
        answer = client.questions(options.job, options.resume, **asked)
        write_json(answer.to_dict())
        _write_kit(options, answer.model, answer.plan, answer.questions)
    else:
        _stream(options, client, screen, asked)
    return 0


def _stream(options: argparse.Namespace, client: Client, screen: Screen, asked: dict[str, Any]) -> None:
    """Each part as it comes, and on a terminal what is awaited."""
    opening: StreamPlan | None = None
    questions: list[Question] = []
    reasons: dict[str, str] = {}
    with screen.status("reading the documents") as status:
        for event in client.stream_questions(options.job, options.resume, **asked):
            if isinstance(event, StreamPlan):
                opening = event
                reasons = {item.id: item.reason for item in event.plan.items}
                write_plan(screen, event)
            elif isinstance(event, Question):
                questions.append(event)
                reason = reasons.get(event.id, "")
                place = f"{len(questions)}/{len(reasons)}"
                write_question(screen, event, reason, place, covers=options.mode == "mock")
            elif isinstance(event, Summary):
                write_summary(screen, event)
            status.update(f"writing questions, {len(questions)} of {len(reasons)} finished")
    if opening is not None:
        _write_kit(options, opening.model, opening.plan, questions)


def _check_kit(options: argparse.Namespace) -> None:
    """Raises ``UsageError`` for a kit that could not be written, before anybody waits for its questions."""
    for path in filter(None, (options.html, options.docx)):
        if path.is_dir() or not path.parent.is_dir():
            raise UsageError(f"cannot write {path}: it is a folder, or its folder does not exist")
    if options.docx is not None:
        checked_docx()


def _write_kit(options: argparse.Namespace, model: str, plan: Plan, questions: Sequence[Question]) -> None:
    """The files asked for. Their title is the job's file name: a résumé's might name the candidate."""
    title = re.sub(r"[\W_]+", " ", options.job.stem).strip()
    kit = kit_from_questions(title, model, plan, questions)
    try:
        if options.html is not None:
            options.html.write_text(html_from_kit(kit), encoding="utf-8")
        if options.docx is not None:
            write_docx(kit, options.docx)
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None


def _core_questions(path: Path) -> list[Question]:
    core = [question for question in saved_questions(path) if question.slot is Slot.CORE]
    if not core:
        raise UsageError(f"{path} holds no core question")
    return core


def saved_questions(path: Path) -> list[Question]:
    """The questions in what an earlier ``--json`` printed. Raises ``UsageError`` for anything else."""
    try:
        saved = json.loads(path.read_bytes())
        return [Question.from_dict(each) for each in saved["questions"]]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not what askwell questions --json prints: {error}") from None
