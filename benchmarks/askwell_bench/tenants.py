"""What a tenant that floods the server does to another one that does not.

    askwell-bench tenants --model models/smollm2-135m-instruct --workload benchmarks/workloads/tenants.toml

Tenant B sends steadily, little. Tenant A sends its fair share, half of what the server does when full, and in
the next run floods it: --flood requests are always under way, without a deadline. Rounds of both take turns
in changing order, B's arrivals being the same in both. B's p99, end to end, over all rounds of the flood must
be under twice that of the fair rounds, and under B's time in a full batch (the median of prefill and decode,
by the server's clock, of B's requests that ran in the largest batches) plus the longest batch of A in the
flood (the same clock). A request of B that fails took for ever. Exit code 1: a criterion is not met, the run
is partial, or the generator itself was too slow.
"""

import argparse
import asyncio
import shlex
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from askwell_client import AsyncClient
from askwell_manifest import read_manifest

from .ledger import Ledger
from .load.arrival import gamma_arrivals
from .load.drive import Drive
from .load.record import Record
from .load.trial import Stand, Trial, check, pause, stands
from .load.workload_file import WorkloadFile, read_workload
from .number import count, count_or_none, positive, repeats
from .result import Measure, add_out, model_facts
from .serving import running_server
from .verdict import Verdict, at_most

NAME = "tenants"
MOST_RATIO = 2.0
LEAST_REQUESTS = 100
"""A p99 of fewer is their longest."""
_FAIR_SHARE = 0.5
_LEAD_S = 3.0
"""Tenant A begins so much earlier than B."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="a folder of askwell-convert")
    add(
        "--workload",
        type=Path,
        required=True,
        metavar="FILE",
        help="such as benchmarks/workloads/tenants.toml",
    )
    add("--server-flags", default="", metavar="FLAGS", help="further flags of the server, in one argument")
    add("--flood", type=count, default=128, help="requests that A keeps under way in a flood (default 128)")
    add("--share", type=positive, default=0.15, help="B's rate, of what a full server does (default 0.15)")
    add(
        "--full-rate",
        type=positive,
        metavar="RATE",
        help="requests a second of a full server (default: measured)",
    )
    add("--seconds", type=positive, default=25.0, help="of B's arrivals in each run (default 25)")
    add("--rounds", type=repeats, default=3, help="rounds, at least 3 (default 3)")
    add("--seed", type=count_or_none, default=0, help="of prompts and arrivals (default 0)")
    add_out(parser)


@dataclass(slots=True)
class Tenants:
    """B's runs while A sends its fair share, and while A floods: one of each a round. Times are seconds."""

    fair: list[Trial] = field(default_factory=list)
    flood: list[Trial] = field(default_factory=list)
    a_requests: dict[str, list[int]] = field(default_factory=lambda: {"fair": [], "flood": []})
    """How many of A's requests ended well beside each of B's runs."""
    longest_batch_s: float = 0.0
    """Of A, in the flood."""

    @property
    def full_batch_s(self) -> float | None:
        """B's time in a full batch."""
        good = [each for trial in self.flood for each in trial.records if uncut(each)]
        fullest = max((each.batch_rows for each in good), default=0)
        times_s = [batch_s(each) for each in good if each.batch_rows >= 0.9 * fullest]
        return float(np.median(times_s)) if times_s else None

    @property
    def bound_s(self) -> float | None:
        return None if self.full_batch_s is None else self.full_batch_s + self.longest_batch_s

    def verdicts(self) -> list[Verdict]:
        fair_s, flood_s = p99_s(self.fair), p99_s(self.flood)
        ratio_to, bound_to = "B's p99 in the flood, over that beside A's fair share,", "B's p99 in the flood"
        if min(len(records(self.fair)), len(records(self.flood))) < LEAST_REQUESTS:
            told = f"a p99 takes {LEAST_REQUESTS} requests"
            return [Verdict(ratio_to, told, None), Verdict(bound_to, told, None)]
        ratio = flood_s / fair_s if np.isfinite(fair_s) else None
        bound = at_most(f"{bound_to}: a full batch and A's longest,", flood_s, self.bound_s or 0.0, " s")
        return [at_most(ratio_to, ratio, MOST_RATIO, " x"), bound]

    def figures(self) -> dict[str, Any]:
        return {
            "longest_batch_s": self.longest_batch_s,
            "full_batch_s": self.full_batch_s,
            "bound_s": self.bound_s,
            "fair_p99_s": finite(p99_s(self.fair)),
            "flood_p99_s": finite(p99_s(self.flood)),
            "b_requests": {"fair": len(records(self.fair)), "flood": len(records(self.flood))},
            "a_requests": self.a_requests,
            "runs": {
                "fair": [each.facts() for each in self.fair],
                "flood": [each.facts() for each in self.flood],
            },
        }

    def measures(self) -> list[Measure]:
        """By round, B's longest wait in the flood over that beside the fair share, at the p95: a round has
        too few requests for a p99."""
        pairs = [
            (each.within_s(95), other.within_s(95))
            for each, other in zip(self.fair, self.flood, strict=False)
        ]
        found = tuple(after / before for before, after in pairs if before and after)
        return [Measure("flood_p95_ratio", "ratio", "lower", found, relative=True)] if found else []


def uncut(record: Record) -> bool:
    """Whether it ran in one batch to its end: a row that gave way waits between two."""
    return record.ok and record.batches == 1


def batch_s(record: Record) -> float:
    """From the start of its batch to its last token."""
    return record.stages_s.get("prefill", 0.0) + record.stages_s.get("decode", 0.0)


def records(trials: Sequence[Trial]) -> list[Record]:
    return [record for trial in trials for record in trial.records]


def p99_s(trials: Sequence[Trial]) -> float:
    """Of all runs together, end to end; who failed took for ever."""
    times_s = [each.end_to_end_s if each.ok else np.inf for each in records(trials)]
    return float(np.percentile(times_s, 99, method="higher")) if times_s else np.inf


def finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def run(arguments: argparse.Namespace) -> int:
    file, model = read_workload(arguments.workload), read_manifest(arguments.model)
    found = Tenants()
    flags = arguments.server_flags

    def figures() -> dict[str, Any]:
        asked = {name: getattr(arguments, name) for name in ("flood", "share", "seconds", "rounds", "seed")}
        told = {"model": model_facts(model), "workload": file.facts(), "server_flags": flags}
        return {**told, **asked, **found.figures()}

    def measure() -> None:
        with running_server(arguments.model, *shlex.split(flags)) as address:
            asyncio.run(_measure(arguments, file, address, found, ledger.keep))

    ledger = Ledger(NAME, arguments, figures, found.measures)
    ledger.measure(measure)
    _print(found)
    return ledger.close(
        found.verdicts(), [line for each in (*found.fair, *found.flood) for line in each.invalid]
    )


async def _measure(
    given: argparse.Namespace, file: WorkloadFile, address: str, found: Tenants, keep: Callable[[], None]
) -> None:
    async with stands({"B": address}, file) as every, AsyncClient(address, retries=0) as a_client:
        stand = every["B"]
        full_rate = given.full_rate or await stand.saturation(given.seed)
        rate = given.share * full_rate
        requests = max(1, round(rate * given.seconds))
        for number in range(given.rounds):
            for kind in ("fair", "flood") if number % 2 == 0 else ("flood", "fair"):
                a = _a_work(stand, a_client, kind, given, full_rate, number)
                async with a as a_records:
                    await asyncio.sleep(_LEAD_S)
                    trial = await stand.open(rate, requests, given.seed + 1 + number, tenant="b")
                (found.fair if kind == "fair" else found.flood).append(trial)
                good = [each for each in a_records if each.ok]
                found.a_requests[kind].append(len(good))
                if kind == "flood":
                    whole = [batch_s(each) for each in good if uncut(each)]
                    found.longest_batch_s = max([found.longest_batch_s, *whole])
                print(
                    f"round {number + 1}, {kind}: {trial.line()}; A: {found.a_requests[kind][-1]}", flush=True
                )
                keep()
                await pause()


@asynccontextmanager
async def _a_work(
    stand: Stand, client: AsyncClient, kind: str, given: argparse.Namespace, full_rate: float, number: int
) -> AsyncIterator[list[Record]]:
    """Tenant A at work; what it still has under way at the end is cancelled."""
    seconds = 2 * (_LEAD_S + given.seconds) + 60
    requests = round(full_rate * seconds) + given.flood
    seed = given.seed + 1000 + number
    work = stand.file.work(stand.vocabulary, requests, seed)
    drive = Drive(client, timeout_s=600.0, tenant="a")
    if kind == "fair":
        offsets_s = gamma_arrivals(_FAIR_SHARE * full_rate, 1.0, requests, seed)
        task = asyncio.create_task(drive.open(work, offsets_s))
    else:
        task = asyncio.create_task(drive.closed(work, given.flood))
    try:
        yield drive.records
    finally:
        task.cancel()
        stopped = await task
    if stopped != "interrupted":
        check("A", stopped or "ran out of requests before B did")


def _print(found: Tenants) -> None:
    print(f"\n  {'B beside':<22}{'requests':>10}{'p50 s':>10}{'p95 s':>10}{'p99 s':>10}")
    for label, trials in (("A's fair share", found.fair), ("A's flood", found.flood)):
        times_s = [each.end_to_end_s for each in records(trials) if each.ok]
        cells = [float(np.percentile(times_s, each)) if times_s else np.inf for each in (50, 95)]
        told = "".join(f"{cell:>10.3f}" for cell in (*cells, p99_s(trials)))
        print(f"  {label:<22}{len(records(trials)):>10}{told}")
    if found.full_batch_s is not None:
        times = f"{found.full_batch_s:.3f} s; A's longest batch: {found.longest_batch_s:.3f} s"
        print(f"  B's time in a full batch: {times}")
