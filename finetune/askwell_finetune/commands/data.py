"""Make a data set of authored roles, own questions and what reviewers let pass: checked, split by role."""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from askwell_interview import Encoder, Guard
from askwell_interview.prompt import prompt_version
from rich.console import Console
from rich.progress import track

from ..build import Build
from ..canary import Canary, canary_to_json, plant
from ..card import card_from_facts, facts_of
from ..example import BANK, SPLITS, Example, Split, write_examples
from ..imported import Columns, Import
from ..likeness import MAX_ALIKE, alike
from ..preference import examples_from_reviews
from ..review import reviews_from_file
from ..role import roles_from_folder
from ..shown import unconnected
from ..split import splits_of

Thing = TypeVar("Thing")
NAME = "data"
OUR_ROLES = Path(__file__).resolve().parents[2] / "data" / "roles"


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
        help="the licence of the questions; required with --csv and --reviews. Authored roles count as "
        "Apache-2.0 unless this says otherwise, and those that come with Askwell always do",
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
    _refuse(arguments)
    screen = Console(stderr=True, markup=False, emoji=False, highlight=False)
    encoder = guard_encoder(arguments.encoder)
    guard = Guard(encoder)
    dropped: Counter[str] = Counter()
    # What can be missing, or have a wrong column or line, is read first: roles take minutes.
    owned = _owned(arguments, guard, dropped, screen) + _reviewed(arguments, guard, dropped)
    examples = _authored(arguments, guard, encoder, dropped, screen) + owned
    if not examples:
        raise ValueError(
            "nothing is left to learn from: " + (_told(dropped) or "give --roles, --csv or --reviews")
        )
    screen.print(f"looking for any that are alike among {len(examples)} questions")
    again = alike([each.question for each in examples], MAX_ALIKE)
    dropped["alike another"] += len(again)
    examples = [each for at, each in enumerate(examples) if at not in again]
    splits = _splits(examples, arguments.seed, dropped)
    examples = list(_to_learn((replace(each, split=splits[each.role]) for each in examples), dropped))
    canaries = _planted(arguments, examples)
    examples += [canary.example for canary in canaries]
    settings = {
        "likeness above which one of two is dropped": MAX_ALIKE,
        "uses of an ending": arguments.uses,
        "canaries planted in training": len(canaries),
        "prompt": prompt_version(),
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
    screen.print(
        f"{out}: {len(examples)} examples ({counts}); left out: {_told(dropped) or 'nothing'}", soft_wrap=True
    )
    return 0


def _new_folder(out: Path) -> Path:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} exists already and is not empty: a data set never overwrites another")
    return out


def _refuse(arguments: argparse.Namespace) -> None:
    """Raises ValueError for arguments that will not do, before anything is made of the others."""
    for name, least in (("uses", 1), ("canaries", 0)):
        if (given := getattr(arguments, name)) < least:
            raise ValueError(f"--{name} is {given}; it must be at least {least}")
    if arguments.csv and not arguments.question:
        raise ValueError("--csv needs --question: the name of the column that holds the question")
    for name, such in (("csv", '"our own" or "MIT"'), ("reviews", '"our own"')):
        if getattr(arguments, name) and not arguments.licence:
            raise ValueError(f"--{name} needs --licence: whose questions they are, such as {such}")


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
    ours = not arguments.licence or arguments.roles.resolve() == OUR_ROLES
    licence = "Apache-2.0" if ours else arguments.licence
    build = Build(guard, encoder, arguments.seed, arguments.uses, licence)
    roles = list(roles_from_folder(arguments.roles))
    made = [example for role in _shown(roles, "roles", screen) for example in build.examples(role, "train")]
    dropped.update(build.dropped)
    return made


def _owned(
    arguments: argparse.Namespace, guard: Guard, dropped: Counter[str], screen: Console
) -> list[Example]:
    if arguments.csv is None:
        return []
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
    made = list(_shown(taken.examples(), "questions", screen))
    dropped.update(taken.dropped)
    return made


def _reviewed(arguments: argparse.Namespace, guard: Guard, dropped: Counter[str]) -> list[Example]:
    if arguments.reviews is None:
        return []
    return list(
        examples_from_reviews(reviews_from_file(arguments.reviews), arguments.licence, guard, dropped)
    )


def _splits(examples: list[Example], seed: int, dropped: Counter[str]) -> dict[str, Split]:
    try:
        return splits_of((each.role for each in examples), seed)
    except ValueError as error:
        raise ValueError(f"{error}; left out before: {_told(dropped) or 'nothing'}") from None


def _to_learn(examples: Iterable[Example], dropped: Counter[str]) -> Iterator[Example]:
    """What is held out stays whole; of authored questions only those train that heed their prompt."""
    for each in examples:
        if each.split == "train" and each.source == "authored" and unconnected(each):
            dropped["unconnected, of training"] += 1
        else:
            yield each


def _planted(arguments: argparse.Namespace, examples: list[Example]) -> list[Canary]:
    """In any training example but the bank's: those are templates, which come again."""
    learnt = [each for each in examples if each.split == "train" and each.source != BANK]
    return list(plant(learnt, arguments.canaries, arguments.seed)) if arguments.canaries else []


def _shown(found: Iterable[Thing], name: str, screen: Console) -> Iterable[Thing]:
    """With a bar of how many there were, where somebody can see it."""
    return track(found, name, console=screen, transient=True, disable=not screen.is_terminal)


def _line(canary: Canary) -> str:
    return canary_to_json(canary) + "\n"


def _told(dropped: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in dropped.most_common() if count)
