"""The highest rate that a server sustains, against the same server with another policy.

    askwell-bench capacity --model models/smollm2-135m-instruct --workload benchmarks/workloads/sets.toml
    askwell-bench capacity --model DIR --workload FILE --whole --out results

A rate is sustained when the workload file's share of all requests keeps its limits; arrivals are Poisson, of
the same pattern at every rate and for every variant. A run ends as soon as too many have missed. The last
variant is judged: the highest rate that it sustains is searched, and then each other variant is given that
rate divided by what it must be beaten by (--least). One that fails there is beaten, and nothing more is asked
of it, save with --whole. Of the first variant, the baseline, a capacity is searched on, coarsely and with
fewer requests: it passes when the first --baseline-requests of a whole run leave that run able to pass, so it
is overrated, never underrated. At 80 % of that both ends of the table are measured once more, for their p95.
Exit code 1: a criterion is not met, the run is partial, or the generator itself was too slow.
"""

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path

from askwell_manifest import read_manifest

from ..ledger import Ledger
from ..load.trial import Stand, Trial, pause, stands
from ..load.variant import Variant, add_variants, standing, variants_of
from ..load.workload_file import WorkloadFile, read_workload
from ..number import count, count_or_none, positive
from ..result import add_out, model_facts
from .outcome import Outcome
from .search import STEP, Search

NAME = "capacity"
VARIANTS = (
    Variant("one-row", "--policy fifo --max-batch-rows 1"),
    Variant("equal-length", "--policy equal-length"),
    Variant("full", ""),
)
_LEAST = "1.7,1.3"
_FIRST_SHARE = 0.8
"""Of what a server does when full, the rate that a search begins with."""
_COARSE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="a folder of askwell-convert")
    add("--workload", type=Path, required=True, metavar="FILE", help="such as benchmarks/workloads/sets.toml")
    add_variants(parser, VARIANTS)
    add(
        "--least", type=_ratios, default=_LEAST, metavar="R,R",
        help=f"what the last variant must beat each earlier one by (default {_LEAST})",
    )  # fmt: skip
    add("--requests", type=count, default=100, help="of a run that decides (default 100)")
    add("--baseline-requests", type=count, default=40, help="of the baseline's own search (default 40)")
    add("--p95-requests", type=count, default=24, help="at 80 %% of the baseline's capacity (default 24)")
    add(
        "--start",
        type=positive,
        metavar="RATE",
        help="where the search begins (default: 0.8 of a full server)",
    )
    add("--whole", action="store_true", help="search every variant's capacity, with all requests")
    add("--seed", type=count_or_none, default=0, help="of prompts and arrivals (default 0)")
    add_out(parser)


def run(arguments: argparse.Namespace) -> int:
    variants, file = variants_of(arguments), read_workload(arguments.workload)
    least: tuple[float, ...] = arguments.least
    if len(least) != len(variants) - 1:
        raise ValueError(f"--least takes a ratio for each variant but the last: {len(variants) - 1} of them")
    model = read_manifest(arguments.model)
    outcome = Outcome(file, variants, least, arguments.requests)

    def figures() -> dict[str, object]:
        return {"model": model_facts(model), "seed": arguments.seed, **outcome.figures()}

    def measure() -> None:
        with standing(arguments.model, variants) as addresses:
            asyncio.run(_Measuring(arguments, file, outcome, ledger.keep).all(addresses))

    ledger = Ledger(NAME, arguments, figures, outcome.measures, f"{NAME}-{file.name}")
    ledger.measure(measure)
    outcome.print_table()
    return ledger.close(outcome.verdicts(), outcome.invalid)


class _Measuring:
    """Every run of the command, noted in ``outcome`` as it ends."""

    def __init__(
        self, given: argparse.Namespace, file: WorkloadFile, outcome: Outcome, keep: Callable[[], None]
    ) -> None:
        self._given = given
        self._file = file
        self._outcome = outcome
        self._keep = keep
        self._allowed = file.allowed(given.requests)

    async def all(self, addresses: dict[str, str]) -> None:
        given, outcome = self._given, self._outcome
        baseline, judged = outcome.baseline, outcome.judged
        async with stands(addresses, self._file) as every:
            start = given.start or _FIRST_SHARE * await every[judged].saturation(given.seed)
            await self._search(every[judged], Search(start), given.requests)
            sustained = outcome.searches[judged].capacity
            if sustained is None:
                raise RuntimeError(f"{judged} sustained no rate; see what a run alone takes, and the limits")
            for name, least in outcome.least.items():
                search = Search(sustained / least)
                await self._search(every[name], search, given.requests, once=not given.whole)
            if not given.whole:
                await self._search(every[baseline], self._coarse(baseline), given.baseline_requests)
            await self._compare_p95(every[baseline], every[judged])

    def _coarse(self, baseline: str) -> Search:
        """Goes on from what the baseline has shown."""
        before = self._outcome.searches[baseline]
        known = before.capacity or before.bound
        assert known is not None
        return Search(known * (STEP if before.capacity else STEP**-_COARSE), _COARSE)

    async def _search(self, stand: Stand, search: Search, requests: int, once: bool = False) -> None:
        self._outcome.searches[stand.name] = search
        while (rate := search.next_rate) is not None:
            allowed = self._allowed
            trial = await stand.open(rate, requests, self._given.seed, allowed=allowed)
            search.note(trial.missed <= allowed and not trial.gave_up)
            await self._note(trial)
            if once:
                return

    async def _compare_p95(self, baseline: Stand, judged: Stand) -> None:
        """The same arrivals to both, all of them to the end."""
        found = self._outcome.searches[baseline.name].capacity
        if found is None:
            return
        for stand in (baseline, judged):
            trial = await stand.open(0.8 * found, self._given.p95_requests, self._given.seed + 1)
            self._outcome.at_80[stand.name] = trial
            await self._note(trial)

    async def _note(self, trial: Trial) -> None:
        self._outcome.trials.append(trial)
        print(trial.line(), flush=True)
        self._keep()
        await pause()


def _ratios(text: str) -> tuple[float, ...]:
    return tuple(positive(part) for part in text.split(","))
