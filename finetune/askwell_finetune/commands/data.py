"""Make a data set of authored roles, own questions and what reviewers let pass: checked, split by role."""

import argparse
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

from askwell_interview import Encoder, Guard
from rich.console import Console
from rich.progress import track

from ..build import Build
from ..canary import Canary, canary_to_json, plant
from ..card import card_from_facts, facts_of
from ..example import SPLITS, Example, write_examples
from ..imported import Columns, Import
from ..likeness import MAX_ALIKE, alike
from ..preference import examples_from_reviews
from ..review import reviews_from_file
from ..role import roles_from_folder
from ..split import splits_of

NAME = "data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--roles", type=Path, help="a folder of authored roles")
    parser.add_argument("--csv", type=Path, help="a CSV or JSONL file of questions that you may train on")
    parser.add_argument(
        "--reviews",
        type=Path,
        metavar="JSONL",
        help="reviewers' decisions: accepted and edited questions are taken",
    )
    parser.add_argument("--question", nargs="+", metavar="COLUMN", help="the columns that hold a question")
    for name, told in (
        ("competency", "what the question probes (without it: the first skill that the question names)"),
        ("role", "what splits go by (without it: the job title, or each row for itself)"),
        ("job-title", "the job's title"),
        ("job", "the job description's text"),
        ("resume", "the résumé's text"),
    ):
        parser.add_argument(f"--{name}", default="", metavar="COLUMN", help=f"the column with {told}")
    parser.add_argument("--source", default="", help="what to call the file's questions (default: its name)")
    parser.add_argument(
        "--licence",
        default="",
        help="the licence of the file's questions; required with --csv and --reviews",
    )
    parser.add_argument(
        "--encoder", type=Path, help="a sentence encoder's folder: the guard then reads meaning"
    )
    parser.add_argument("--uses", type=int, default=1, help="occasions for each authored ending (default 1)")
    parser.add_argument(
        "--canaries",
        type=int,
        default=0,
        help="secrets to plant in training, for eval to look for (default 0)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")


def run(arguments: argparse.Namespace) -> int:
    out = _new_folder(arguments.out)
    screen = Console(stderr=True)
    encoder = guard_encoder(arguments.encoder)
    guard = Guard(encoder)
    dropped: Counter[str] = Counter()
    examples = _authored(arguments, guard, encoder, dropped, screen)
    examples += _owned(arguments, guard, dropped) + _reviewed(arguments, guard, dropped)
    if not examples:
        raise ValueError(
            "nothing is left to learn from: " + (_told(dropped) or "give --roles, --csv or --reviews")
        )
    again = alike([each.question for each in examples], MAX_ALIKE)
    dropped["alike another"] += len(again)
    examples = [each for at, each in enumerate(examples) if at not in again]
    splits = splits_of((each.role for each in examples), arguments.seed)
    examples = [replace(each, split=splits[each.role]) for each in examples]
    canaries = _planted(arguments, examples)
    examples += [canary.example for canary in canaries]
    settings = {
        "likeness above which one of two is dropped": MAX_ALIKE,
        "uses of an ending": arguments.uses,
        "canaries planted in training": len(canaries),
        "guard": "patterns and encoder" if arguments.encoder else "patterns only",
        "seed": arguments.seed,
    }
    facts = facts_of(examples, {k: n for k, n in dropped.items() if n}, settings)
    out.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        write_examples(out / f"{split}.jsonl", (each for each in examples if each.split == split))
    if canaries:
        (out / "canaries.jsonl").write_text("".join(map(_line, canaries)), encoding="utf-8")
    (out / "card.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / "card.md").write_text(card_from_facts(facts), encoding="utf-8")
    counts = ", ".join(f"{name} {split['examples']}" for name, split in facts["splits"].items())
    screen.print(f"{out}: {len(examples)} examples ({counts}); left out: {_told(dropped) or 'nothing'}")
    return 0


def _new_folder(out: Path) -> Path:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} exists already and is not empty: a data set never overwrites another")
    return out


def guard_encoder(folder: Path | None) -> Encoder | None:
    if folder is None:
        return None
    from askwell_server.domain.encoder import MiniLm

    return MiniLm(folder)


def _authored(
    arguments: argparse.Namespace,
    guard: Guard,
    encoder: Encoder | None,
    dropped: Counter[str],
    screen: Console,
) -> list[Example]:
    if arguments.roles is None:
        return []
    if arguments.uses < 1:
        raise ValueError(f"--uses is {arguments.uses}; it must be at least 1")
    build = Build(guard, encoder, arguments.seed, arguments.uses, "Apache-2.0")
    roles = list(roles_from_folder(arguments.roles))
    made = [
        example
        for role in track(roles, "roles", console=screen, transient=True)
        for example in build.examples(role, "train")
    ]
    dropped.update(build.dropped)
    return made


def _owned(arguments: argparse.Namespace, guard: Guard, dropped: Counter[str]) -> list[Example]:
    if arguments.csv is None:
        return []
    if not arguments.question:
        raise ValueError("--csv needs --question: the name of the column that holds the question")
    if not arguments.licence:
        raise ValueError('--csv needs --licence: whose questions they are, such as "our own" or "MIT"')
    columns = Columns(
        tuple(arguments.question),
        arguments.competency,
        arguments.role,
        arguments.job_title,
        arguments.job,
        arguments.resume,
    )
    source = arguments.source or arguments.csv.stem
    taken = Import(arguments.csv, columns, source, arguments.licence, guard)
    made = list(taken.examples())
    dropped.update(taken.dropped)
    return made


def _reviewed(arguments: argparse.Namespace, guard: Guard, dropped: Counter[str]) -> list[Example]:
    if arguments.reviews is None:
        return []
    if not arguments.licence:
        raise ValueError('--reviews needs --licence: whose questions they are, such as "our own"')
    return list(
        examples_from_reviews(reviews_from_file(arguments.reviews), arguments.licence, guard, dropped)
    )


def _planted(arguments: argparse.Namespace, examples: list[Example]) -> list[Canary]:
    learnt = [each for each in examples if each.split == "train" and each.source == "authored"]
    return list(plant(learnt, arguments.canaries, arguments.seed)) if arguments.canaries else []


def _line(canary: Canary) -> str:
    return canary_to_json(canary) + "\n"


def _told(dropped: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in dropped.most_common() if count)
