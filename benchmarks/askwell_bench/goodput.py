"""Goodput of two servers under the same mixed load: their best over a few rates, in turns.

    askwell-bench goodput --model models/smollm2-135m-instruct --workload benchmarks/workloads/mixed.toml

Goodput is how many requests a second keep the workload file's limits, from the first arrival to the last end.
The rates are shares of what the last variant does when full. In every round each variant is given the same
requests at the same times, at each rate; a variant's goodput of the round is its best over the rates, and
the round's ratio is that of the last variant over the first. Exit code 1: the ratio misses --least, the run
is partial, or the generator itself was too slow.
"""

import argparse
import asyncio
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from askwell_manifest import read_manifest

from .compare.judge import LEAST_ROUNDS
from .ledger import Ledger
from .load.trial import Trial, pause, stands
from .load.variant import Variant, add_variants, standing, variants_of
from .load.workload_file import WorkloadFile, read_workload
from .number import count, count_or_none, positive, repeats
from .result import Measure, add_out, model_facts
from .verdict import Verdict, at_least

NAME = "goodput"
VARIANTS = (Variant("fifo", "--policy fifo"), Variant("full", ""))
_SHARES = "0.7,0.9,1.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="a folder of askwell-convert")
    add(
        "--workload", type=Path, required=True, metavar="FILE", help="such as benchmarks/workloads/mixed.toml"
    )
    add_variants(parser, VARIANTS)
    add("--least", type=positive, default=1.3, help="the ratio to reach (default 1.3)")
    add("--shares", type=shares, default=_SHARES, metavar="S,S", help=f"rates to try (default {_SHARES})")
    add(
        "--full-rate",
        type=positive,
        metavar="RATE",
        help="requests a second of a full server (default: measured)",
    )
    add("--requests", type=count, default=40, help="of each run (default 40)")
    add("--rounds", type=repeats, default=3, help="rounds, at least 3 (default 3)")
    add("--seed", type=count_or_none, default=0, help="of prompts and arrivals (default 0)")
    add_out(parser)


def run(arguments: argparse.Namespace) -> int:
    variants, file = variants_of(arguments), read_workload(arguments.workload)
    model = read_manifest(arguments.model)
    rounds: list[list[Trial]] = []

    def figures() -> dict[str, Any]:
        told = {"model": model_facts(model), "workload": file.facts(), "requests": arguments.requests}
        return {**told, "seed": arguments.seed, **outcome(variants, rounds)}

    def measure() -> None:
        with standing(arguments.model, variants) as addresses:
            asyncio.run(_measure(arguments, file, addresses, rounds, ledger.keep))

    ledger = Ledger(NAME, arguments, figures, lambda: measures(variants, rounds), f"{NAME}-{file.name}")
    ledger.measure(measure)
    print_rounds(variants, rounds)
    verdict = judge(variants, rounds, arguments.least)
    return ledger.close([verdict], [line for trials in rounds for each in trials for line in each.invalid])


async def _measure(
    given: argparse.Namespace,
    file: WorkloadFile,
    addresses: dict[str, str],
    rounds: list[list[Trial]],
    keep: Callable[[], None],
) -> None:
    """Whole rounds only are appended."""
    async with stands(addresses, file) as every:
        turns = list(every.values())
        full_rate = given.full_rate or await turns[-1].saturation(given.seed)
        for number in range(given.rounds):
            found = []
            for share in given.shares:
                for stand in turns if number % 2 == 0 else reversed(turns):
                    trial = await stand.open(share * full_rate, given.requests, given.seed + 1 + number)
                    found.append(trial)
                    print(f"round {number + 1}: {trial.line()}", flush=True)
                    await pause()
            rounds.append(found)
            keep()


def best(trials: Sequence[Trial], variant: str) -> Trial:
    """Of a round, the variant's run of the highest goodput."""
    return max((each for each in trials if each.variant == variant), key=lambda each: each.goodput_per_s)


def ratios(variants: Sequence[Variant], rounds: Sequence[Sequence[Trial]]) -> list[float]:
    """Round by round, the last variant's best goodput over the first's. Who has none is beaten for ever."""
    found = []
    for trials in rounds:
        before, after = (best(trials, variants[i].name).goodput_per_s for i in (0, -1))
        found.append(after / before if before else math.inf)
    return found


def judge(variants: Sequence[Variant], rounds: Sequence[Sequence[Trial]], least: float) -> Verdict:
    found = ratios(variants, rounds)
    value = _mean(found) if len(found) >= LEAST_ROUNDS else None
    verdict = at_least(f"goodput of {variants[-1].name} over {variants[0].name}", value, least, " x")
    each = ", ".join(f"{ratio:.2f}" for ratio in found)
    return Verdict(verdict.criterion, f"{verdict.found} (rounds: {each})", verdict.held)


def outcome(variants: Sequence[Variant], rounds: Sequence[Sequence[Trial]]) -> dict[str, Any]:
    found = ratios(variants, rounds)
    return {
        "variants": {
            each.name: {
                "flags": each.flags,
                "best_goodput_per_s": [best(trials, each.name).goodput_per_s for trials in rounds],
                "best_at_per_s": [best(trials, each.name).rate for trials in rounds],
            }
            for each in variants
        },
        "goodput_ratio": _finite(_mean(found)) if found else None,
        "rounds": [[each.facts() for each in trials] for trials in rounds],
    }


def measures(variants: Sequence[Variant], rounds: Sequence[Sequence[Trial]]) -> list[Measure]:
    found = tuple(ratio for ratio in ratios(variants, rounds) if math.isfinite(ratio))
    return [Measure("goodput_ratio", "ratio", "higher", found, relative=True)] if found else []


def print_rounds(variants: Sequence[Variant], rounds: Sequence[Sequence[Trial]]) -> None:
    print(
        f"\n  {'best goodput, requests/s':<26}"
        + "".join(f"{'round ' + str(i + 1):>12}" for i in range(len(rounds)))
    )
    for each in variants:
        values = [best(trials, each.name).goodput_per_s for trials in rounds]
        print(f"  {each.name:<26}" + "".join(f"{value:>12.3f}" for value in values))
    print(f"  {'ratio':<26}" + "".join(f"{value:>12.3f}" for value in ratios(variants, rounds)))


def shares(text: str) -> tuple[float, ...]:
    """Reads "0.7,0.9"."""
    return tuple(positive(part) for part in text.split(","))


def _mean(values: Sequence[float]) -> float:
    """Geometric; of what is 0 or without bound, itself."""
    if min(values) <= 0:
        return 0.0
    return math.exp(sum(map(math.log, values)) / len(values))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
