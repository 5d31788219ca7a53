"""Compare a tuned model with the untuned one on roles that neither was trained on.

    askwell-finetune eval --base models/untuned --tuned models/tuned --data data/questions \\
        --roles finetune/data/roles --encoder models/all-minilm-l6-v2 --blind blind.html --out evaluation

Both are folders of askwell-convert, so what is judged is what is served.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.table import Table

from ..canary import Canary, canaries_from_file
from ..corpus import roles_of_card
from ..example import BANK, read_examples
from ..role import Role, roles_from_folder

NAME = "eval"
EVALUATION = "evaluation.json"
AUTHORED = 160
PEOPLE = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--base", type=Path, metavar="DIR", help="the untuned model, converted")
    add("--tuned", type=Path, metavar="DIR", help="the tuned model, converted")
    add("--data", type=Path, metavar="DIR", help="the data set that it was trained on")
    add("--roles", type=Path, metavar="DIR", help="authored roles; those of the test split are held out")
    add("--encoder", type=Path, metavar="DIR", help="a sentence encoder's folder, for likeness and the guard")
    add("--people", type=Path, metavar="CSV", help="real questions, columns question and followUp")
    add("--blind", type=Path, metavar="HTML", help="also write a side-by-side sheet, and beside it its key")
    add(
        "--votes",
        type=Path,
        metavar="JSON",
        help="count a filled sheet's votes; needs --key and nothing else",
    )
    add("--key", type=Path, metavar="JSON", help="the sheet's key")
    add("--seed", type=int, default=0)
    add("--out", type=Path, metavar="DIR", help="where evaluation.json goes")


def run(arguments: argparse.Namespace) -> int:
    screen = Console()
    tell = Console(stderr=True, markup=False, emoji=False, highlight=False).print
    if arguments.votes:
        return _votes(arguments, screen)
    _refuse(arguments)
    from askwell_bench.quality.human import questions_from_csv
    from askwell_bench.result import environment
    from askwell_bench.verdict import print_verdicts, verdict_facts

    from ..evaluation.blind import sheet
    from ..evaluation.judged import judged, likelihoods, people_as_examples, varieties
    from ..evaluation.overlap import Endings
    from ..evaluation.trial import like_for_like, sit
    from ..evaluation.verdict import differences_of_draws, paired, rows, verdicts

    # All that can be missing or wrong is read before a model is loaded.
    random = Random(arguments.seed)
    # A template of the bank may stand in training too, with another competency.
    held_out = (each for each in read_examples(arguments.data / "test.jsonl") if each.source != BANK)
    authored = _some(held_out, AUTHORED, random)
    people = _some(questions_from_csv(arguments.people), PEOPLE, random) if arguments.people else []
    training = Endings(each.completion for each in read_examples(arguments.data / "train.jsonl"))
    planted = _canaries(arguments.data)
    roles = _held_out(arguments.data, arguments.roles)
    encoder, encode = _encoder(arguments.encoder)
    speakers = [_speaker(arguments.base), _speaker(arguments.tuned)]
    sittings = []
    for name, speaker in zip(("untuned", "tuned"), speakers, strict=True):
        tell(f"{name}: interviews of {len(roles)} held-out roles")
        sittings.append(sit(roles, speaker, encoder, arguments.seed, tell))
    compared = like_for_like(*sittings)
    both, nats = [], []
    for name, speaker, each, texts in zip(("untuned", "tuned"), speakers, sittings, compared, strict=True):
        # The untuned model has never seen the canaries.
        canaries = planted if speaker is speakers[1] else []
        tell(f"{name}: likelihoods of {len(authored) + len(people)} questions and {len(canaries)} canaries")
        nats.append(likelihoods(speaker, authored))
        both.append(
            judged(
                speaker,
                each,
                encode=encode,
                compared=texts,
                authored=nats[-1],
                people=likelihoods(speaker, people_as_examples(people)),
                training=training,
                canaries=canaries,
                seed=arguments.seed,
            )
        )
    before, after = both
    differences = {
        **{name: paired(one, other) for name, (one, other) in _sides(sittings, compared, encode).items()},
        "nats_a_token": paired(nats[0], nats[1]),
        **differences_of_draws(varieties(sittings[0], compared[0]), varieties(sittings[1], compared[1])),
    }
    found = verdicts(before, after, differences)
    _show(screen, rows(before, after))
    print_verdicts(found)
    told = {
        **environment("finetune-eval"),
        "base": arguments.base.name,
        "tuned": arguments.tuned.name,
        "roles": [role.name for role in roles],
        "untuned": asdict(before),
        "tuned_figures": asdict(after),
        "differences": {name: asdict(each) for name, each in differences.items() if each},
        **verdict_facts(found),
        "questions": [
            {"role": one.role, "item": item, "untuned": _text(one, item), "tuned": _text(other, item)}
            for one, other in zip(*sittings, strict=True)
            for item in one.interview.open_items
        ],
    }
    if arguments.blind:
        page, key = sheet(sittings[0], sittings[1], arguments.seed)
        arguments.blind.write_text(page, encoding="utf-8")
        _write(_key_of(arguments.blind), key)
    arguments.out.mkdir(parents=True, exist_ok=True)
    _write(arguments.out / EVALUATION, told)  # last: where it is, all of it was written
    return 1 if any(each.held is False for each in found) else 0


def _sides(sittings: Sequence[Any], compared: Sequence[Any], encode: Any) -> dict[str, Any]:
    """By figure, both models' values by role."""
    from ..evaluation.judged import ranks, shares, specificities
    from ..evaluation.trial import asked

    final = asked(*sittings)
    return {
        "first_try": [shares(each, first=True) for each in sittings],
        "model_share": [shares(each, first=False) for each in sittings],
        "mrr": [ranks(each, encode) for each in sittings],
        "specificity": [
            specificities(each, texts, encode) for each, texts in zip(sittings, compared, strict=True)
        ],
        "specificity_by_words": [
            specificities(each, texts, None) for each, texts in zip(sittings, compared, strict=True)
        ],
        "specificity_of_questions_asked": [
            specificities(each, final[n], encode) for n, each in enumerate(sittings)
        ],
    }


def _refuse(arguments: argparse.Namespace) -> None:
    """Raises ValueError for what would only be found out, or overwritten, after the interviews."""
    for name in ("base", "tuned", "data", "roles", "out"):
        if getattr(arguments, name) is None:
            raise ValueError(f"eval needs --{name}")
    if arguments.seed < 0:
        raise ValueError(f"--seed is {arguments.seed}; it must be at least 0")
    if arguments.out.exists() and not arguments.out.is_dir():
        raise ValueError(f"--out: {arguments.out} is no folder")
    sheet = [arguments.blind, _key_of(arguments.blind)] if arguments.blind else []
    for path in (arguments.out / EVALUATION, *sheet):
        if path.exists():
            raise ValueError(f"{path} exists already: name another, or remove it; nothing is written over")
    if arguments.blind and not arguments.blind.parent.is_dir():
        raise ValueError(f"--blind: there is no folder {arguments.blind.parent}")


def _key_of(sheet: Path) -> Path:
    return sheet.with_suffix(".key.json")


def _votes(arguments: argparse.Namespace, screen: Console) -> int:
    from ..evaluation.blind import count_votes

    if arguments.key is None:
        raise ValueError("--votes needs --key, the file that was written beside the sheet")
    counts = count_votes(
        arguments.votes.read_text(encoding="utf-8"), arguments.key.read_text(encoding="utf-8")
    )
    screen.print(", ".join(f"{name} {count}" for name, count in counts.items()))
    return 0


def _held_out(data: Path, roles: Path) -> list[Role]:
    names = roles_of_card(data, "test")
    found = [role for role in roles_from_folder(roles) if role.name in names]
    if len(found) < 2:
        raise ValueError(f"{roles} holds {len(found)} of the test roles of {data}; two at least are needed")
    return found


def _encoder(folder: Path | None) -> tuple[Any, Any]:
    if folder is None:
        return None, None
    from askwell_bench.quality.likeness import remembered
    from askwell_server.domain.encoder import MiniLm

    encoder = MiniLm(folder)
    return encoder, remembered(encoder.encode)


def _speaker(folder: Path) -> Any:
    """Raises ValueError for a folder that holds no model that writes, or one that is not whole."""
    from askwell_server.engine.folder import ModelRefused

    from ..evaluation.speaker import Speaker

    try:
        return Speaker(folder)
    except (ModelRefused, RuntimeError) as error:  # CTranslate2 raises the latter
        raise ValueError(f"cannot load {folder}: {' '.join(str(error).split())}") from None


def _some(found: Any, wanted: int, random: Random) -> list[Any]:
    kept: Sequence[Any] = list(found)
    return list(kept) if len(kept) <= wanted else random.sample(kept, wanted)


def _canaries(data: Path) -> list[Canary]:
    path = data / "canaries.jsonl"
    return list(canaries_from_file(path)) if path.exists() else []


def _text(sitting: Any, item: str) -> str | None:
    return sitting.questions[item].text if item in sitting.questions else None


def _show(screen: Console, told: Sequence[tuple[str, str, str]]) -> None:
    table = Table("", "untuned", "tuned", box=None)
    for row in told:
        table.add_row(*row)
    screen.print(table)


def _write(path: Path, told: Any) -> None:
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
