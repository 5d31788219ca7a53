"""Whether requests in company get what each gets alone, and what int8 makes of that.

A float32 folder: generated requests of mixed options, many under way at once, some left by their callers.
Each must get what ctranslate2 answers it alone, or part from it only where the two likeliest logits are less
than 1e-4 apart. An int8 folder rounds by the company a row has: there the distributions are compared, and
requests that ask to be reproducible must be, at a price that is measured.
"""

import argparse
import asyncio
import os
from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from askwell_client import AsyncClient
from askwell_manifest import Manifest, read_manifest

from ..ending import partial
from ..number import count, count_or_none, repeats
from ..result import Measure, add_out, finish, model_facts
from ..serving import running_server
from .answer import Answer
from .exchange import answers
from .reference import Reference
from .repeating import REPEATING_DEFAULT, Repeating, repeated
from .request import Asked, Bounds, Choice, requests
from .rounding import rounding
from .verdict import Verdict, judged

NAME = "integrity"
_TENTHS = 10
MEAN_KL_LIMIT = 0.1
"""Nats. Rounding costs hundredths, as int8 itself does; an error of logic costs whole nats."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="a float32 folder, or an int8 one")
    add("--requests", type=count, default=500, help="float32: generated requests (default 500)")
    add("--concurrency", type=count, default=32, help="requests under way at once (default 32)")
    add("--new-tokens", type=count, default=16, help="the longest answer (default 16)")
    add("--seed", type=count_or_none, default=0, help="of the requests (default 0)")
    add(
        "--batches",
        type=count,
        default=12,
        help="int8: batches whose distributions are compared (default 12)",
    )
    add(
        "--rounds",
        type=repeats,
        default=REPEATING_DEFAULT,
        help=f"int8: rounds with and without reproducible (default {REPEATING_DEFAULT}, at least 3)",
    )
    add_out(parser)


def run(arguments: argparse.Namespace) -> int:
    manifest = read_manifest(arguments.model)
    if manifest.quantization.startswith("int8"):
        return _run_int8(arguments, manifest)
    return _run_float(arguments, manifest)


def _run_float(arguments: argparse.Namespace, manifest: Manifest) -> int:
    bounds = Bounds(manifest.vocabulary_size, new_tokens=arguments.new_tokens)
    reference = Reference(arguments.model, workers=len(os.sched_getaffinity(0)))
    drawn = list(islice(requests(Random(arguments.seed), bounds), arguments.requests))
    alone = reference.answers(drawn)
    print(f"{len(drawn)} requests of {len(alone)} different texts, each worked out alone")
    asked = [reference.ending_in(each, alone[each.choice]) for each in drawn]
    got = asyncio.run(_exchanged(arguments, asked))
    verdicts = []
    for each, answer in zip(asked, got, strict=True):
        text = alone[each.choice]

        def gap(asked: Asked, position: int, one: int | None, other: int | None) -> float:
            return reference.gap(asked, alone[asked.choice], position, one, other)

        verdicts.append(judged(each, reference.expected(each, text), text.token_ids, answer, gap))
    figures = _figures(asked, got, verdicts)
    for name in ("requests", "equal", "near", "different", "failed", "left", "largest_batch", "with_prefix"):
        print(f"  {name:<22}{figures[name]:>10}")
    for each in figures["wrong"]:
        print(f"  WRONG: {each}")
    finish(
        NAME,
        {"model": model_facts(manifest), **figures},
        arguments.out,
        measures=[_share_measure(verdicts)],
    )
    return 1 if figures["wrong"] else 0


async def _exchanged(arguments: argparse.Namespace, asked: list[Asked]) -> list[Answer]:
    flags = ("--queue-limit", str(max(256, 8 * arguments.concurrency)))
    hurry = ("--max-batch-s", "0.2")  # so that rows are cut and go on in other batches
    with running_server(arguments.model, *flags, *hurry) as address:
        async with AsyncClient(address, retries=0) as client:
            return await answers(client, asked, arguments.concurrency)


def _figures(asked: list[Asked], got: list[Answer], verdicts: list[Verdict]) -> dict[str, Any]:
    kinds = Counter(verdict.kind for verdict in verdicts)
    return {
        "requests": len(asked),
        **{kind: kinds[kind] for kind in ("equal", "near", "different", "failed")},
        "largest_gap": max((v.gap for v in verdicts if v.kind == "near"), default=0.0),
        "left": sum(text.reason == "" for answer in got for text in answer.texts),
        "samples": sum(len(answer.texts) for answer in got),
        "tokens": sum(len(text.token_ids) for answer in got for text in answer.texts),
        "ended": dict(Counter(text.reason for answer in got for text in answer.texts if text.reason)),
        "largest_batch": max(answer.batch_rows for answer in got),
        "with_company": sum(answer.batch_rows > 1 for answer in got),
        "with_prefix": sum(answer.prefix_tokens > 0 for answer in got),
        "with_forced_tokens": sum(answer.forced_tokens > 0 for answer in got),
        "in_several_batches": sum(answer.batches > 1 for answer in got),
        "asked_for": _asked_for(asked),
        "wrong": [
            {
                "request": index,
                "why": verdict.why,
                "position": verdict.position,
                "gap": verdict.gap,
                "asked_for": sorted(_asked_for([asked[index]])),
            }
            for index, verdict in enumerate(verdicts)
            if verdict.kind in ("different", "failed")
        ],
    }


def _asked_for(asked: list[Asked]) -> dict[str, int]:
    """How many requests used each option."""
    plain = Asked(Choice(()), max_new_tokens=0).options()
    used = Counter[str]()
    for each in asked:
        given = {name for name, value in each.options().items() if value != plain[name]}
        used.update(given - {"max_new_tokens"} | ({"leaving"} if each.leave_after is not None else set()))
    return dict(sorted(used.items()))


def _share_measure(verdicts: list[Verdict]) -> Measure:
    """Tenth by tenth of the requests."""
    tenths = [part for part in (verdicts[i::_TENTHS] for i in range(_TENTHS)) if part]
    shares = tuple(sum(each.kind in ("equal", "near") for each in part) / len(part) for part in tenths)
    return Measure("same_as_alone", "share", "higher", shares, relative=True)


def _run_int8(arguments: argparse.Namespace, manifest: Manifest) -> int:
    found = rounding(arguments.model, arguments.batches).figures()
    repeating, stopped = _repeated(arguments, manifest)
    figures = {"distributions": found, **repeating.figures()}
    for name, value in {**found, **repeating.figures()}.items():
        print(f"  {name:<32}{value:>10.6g}")
    if stopped:
        print(f"PARTIAL: {stopped}")
    finish(
        NAME,
        {"model": model_facts(manifest), **figures, **partial(stopped)},
        arguments.out,
        measures=repeating.measures(),
        name=f"reproducible-{manifest.quantization}",
    )
    exact = repeating.reproducible_equal == repeating.reproducible
    return 1 if stopped or not exact or found["mean_kl"] > MEAN_KL_LIMIT else 0


def _repeated(arguments: argparse.Namespace, manifest: Manifest) -> tuple[Repeating, str | None]:
    with running_server(
        arguments.model, "--queue-limit", str(max(256, 8 * arguments.concurrency))
    ) as address:
        return repeated(
            address,
            Bounds(manifest.vocabulary_size, new_tokens=arguments.new_tokens),
            arguments.seed,
            concurrency=arguments.concurrency,
            rounds=arguments.rounds,
        )
