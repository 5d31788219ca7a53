"""Twice the load that a server sustains: what it keeps of its peak, and how soon it refuses the rest.

    askwell-bench overload --model models/smollm2-135m-instruct --workload benchmarks/workloads/overload.toml

Every request carries the workload file's end-to-end limit as its deadline, and is good when it keeps both
limits. In each round the server is given rates that are shares of what it does when full, and then twice the
load that it sustained: the highest of those rates at which the file's share of all requests was good, over
all rounds so far; where no rate was, the one of the highest goodput. Peak goodput is the best of these. A
refusal's time counts from when the request was sent, so the generator's own lag is not in it. Admitted is
who was not refused with RESOURCE_EXHAUSTED; whoever of them ends without a whole result missed the deadline.
Exit code 1: a criterion is not met, the run is partial, or the generator itself was too slow.
"""

import argparse
import asyncio
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from askwell_manifest import read_manifest

from .goodput import shares
from .ledger import Ledger
from .load.record import Record
from .load.trial import Trial, pause, stands
from .load.workload_file import WorkloadFile, read_workload
from .number import count_or_none, positive, repeats
from .result import Measure, add_out, model_facts
from .serving import running_server
from .verdict import Verdict, at_least, at_most

NAME = "overload"
KEPT_SHARE, REFUSED_WITHIN_S, REFUSED_SHARE, MISSED_SHARE = 0.9, 0.010, 90, 0.01
_SHARES = "0.6,0.8,1.0"
_REFUSED = "RESOURCE_EXHAUSTED"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="a folder of askwell-convert")
    add(
        "--workload",
        type=Path,
        required=True,
        metavar="FILE",
        help="such as benchmarks/workloads/overload.toml",
    )
    add("--server-flags", default="", metavar="FLAGS", help="flags of the server, in one argument")
    add("--shares", type=shares, default=_SHARES, metavar="S,S", help=f"rates to try (default {_SHARES})")
    add(
        "--full-rate",
        type=positive,
        metavar="RATE",
        help="requests a second of a full server (default: measured)",
    )
    add("--seconds", type=positive, default=25.0, help="of arrivals in each run (default 25)")
    add("--rounds", type=repeats, default=3, help="rounds, at least 3 (default 3)")
    add("--seed", type=count_or_none, default=0, help="of prompts and arrivals (default 0)")
    add_out(parser)


@dataclass(frozen=True, slots=True)
class Round:
    """``below`` are the runs at the shares, ``above`` the one at twice the sustained rate."""

    below: Sequence[Trial]
    above: Trial
    sustained_per_s: float

    @property
    def peak_per_s(self) -> float:
        return max(each.goodput_per_s for each in self.below)

    @property
    def kept(self) -> float:
        """Of the peak goodput, at twice the sustained rate."""
        return self.above.goodput_per_s / self.peak_per_s if self.peak_per_s else 0.0


@dataclass(frozen=True, slots=True)
class Overload:
    """Grows round by round."""

    deadline_s: float
    rounds: list[Round] = field(default_factory=list)

    @property
    def refusals_s(self) -> list[float]:
        """How long each refusal at twice the sustained rate took, from when it was sent."""
        return [each.end_s - each.sent_s for each in self._above if each.status == _REFUSED]

    @property
    def admitted(self) -> list[Record]:
        """At twice the sustained rate."""
        return [each for each in self._above if each.status != _REFUSED]

    @property
    def missed(self) -> list[Record]:
        """Of the admitted, those without a whole result at their deadline: the call ends there."""
        return [each for each in self.admitted if not each.ok]

    @property
    def refused_p90_s(self) -> float | None:
        return float(np.percentile(self.refusals_s, REFUSED_SHARE)) if self.refusals_s else None

    @property
    def missed_share(self) -> float | None:
        return len(self.missed) / len(self.admitted) if self.admitted else None

    @property
    def kept(self) -> float | None:
        return float(np.mean([each.kept for each in self.rounds])) if self.rounds else None

    def verdicts(self) -> list[Verdict]:
        percent = None if self.missed_share is None else self.missed_share * 100
        milliseconds = None if self.refused_p90_s is None else self.refused_p90_s * 1e3
        kept = None if self.kept is None else self.kept * 100
        return [
            at_least("at twice the sustained load, of the peak goodput", kept, KEPT_SHARE * 100, " %"),
            at_most(
                f"{REFUSED_SHARE} % of {len(self.refusals_s)} refusals took",
                milliseconds,
                REFUSED_WITHIN_S * 1e3,
                " ms",
            ),
            at_most(
                f"of {len(self.admitted)} admitted requests missed their deadline",
                percent,
                MISSED_SHARE * 100,
                " %",
            ),
        ]

    def figures(self) -> dict[str, Any]:
        return {
            "deadline_s": self.deadline_s,
            "goodput_kept": self.kept,
            "refusals": len(self.refusals_s),
            "refused_p50_s": float(np.median(self.refusals_s)) if self.refusals_s else None,
            "refused_p90_s": self.refused_p90_s,
            "admitted": len(self.admitted),
            "missed": len(self.missed),
            "rounds": [
                {
                    "sustained_per_s": each.sustained_per_s,
                    "peak_per_s": each.peak_per_s,
                    "kept": each.kept,
                    "below": [trial.facts() for trial in each.below],
                    "above": each.above.facts(),
                }
                for each in self.rounds
            ],
        }

    def measures(self) -> list[Measure]:
        kept = tuple(each.kept for each in self.rounds)
        return [Measure("goodput_kept", "ratio", "higher", kept, relative=True)] if kept else []

    @property
    def trials(self) -> list[Trial]:
        return [trial for each in self.rounds for trial in (*each.below, each.above)]

    @property
    def _above(self) -> list[Record]:
        return [record for each in self.rounds for record in each.above.records]


def sustained(trials: Sequence[Trial], share: float) -> float:
    """The highest rate at which, over all its runs, the share of requests was good; else the best one's."""
    rates = sorted({each.rate for each in trials}, reverse=True)
    for rate in rates:
        runs = [each for each in trials if each.rate == rate]
        if sum(each.kept for each in runs) >= share * sum(len(each.records) for each in runs):
            return rate
    return max(trials, key=lambda each: each.goodput_per_s).rate


def run(arguments: argparse.Namespace) -> int:
    file, model = read_workload(arguments.workload), read_manifest(arguments.model)
    deadline_s = file.limits.end_to_end_s
    assert deadline_s is not None
    found = Overload(deadline_s)

    def figures() -> dict[str, Any]:
        told = {"model": model_facts(model), "workload": file.facts(), "server_flags": arguments.server_flags}
        return {**told, "seconds": arguments.seconds, "seed": arguments.seed, **found.figures()}

    def measure() -> None:
        with running_server(arguments.model, *shlex.split(arguments.server_flags)) as address:
            asyncio.run(_measure(arguments, file, address, found, ledger.keep))

    ledger = Ledger(NAME, arguments, figures, found.measures)
    ledger.measure(measure)
    _print(found)
    return ledger.close(found.verdicts(), [line for each in found.trials for line in each.invalid])


async def _measure(
    given: argparse.Namespace, file: WorkloadFile, address: str, found: Overload, keep: Callable[[], None]
) -> None:
    """Whole rounds only are noted."""
    async with stands({"server": address}, file) as every:
        stand = every["server"]
        full_rate = given.full_rate or await stand.saturation(given.seed)

        async def at(rate: float, number: int) -> Trial:
            requests = max(1, round(rate * given.seconds))
            trial = await stand.open(rate, requests, given.seed + 1 + number, timeout_s=found.deadline_s)
            print(f"round {number + 1}: {trial.line()}", flush=True)
            await pause()
            return trial

        for number in range(given.rounds):
            below = [await at(share * full_rate, number) for share in given.shares]
            known = [trial for each in found.rounds for trial in each.below] + below
            rate = sustained(known, file.share)
            found.rounds.append(Round(below, await at(2 * rate, number), rate))
            keep()


def _print(found: Overload) -> None:
    print(f"\n  {'round':<8}{'sustained/s':>14}{'peak/s':>12}{'at twice/s':>12}{'kept':>10}")
    for number, each in enumerate(found.rounds, start=1):
        print(
            f"  {number:<8}{each.sustained_per_s:>14.3f}{each.peak_per_s:>12.3f}"
            f"{each.above.goodput_per_s:>12.3f}{each.kept:>10.1%}"
        )
