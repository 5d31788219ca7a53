"""Whether memory, threads, files and processes stay what they are under a long mixed load.

Streams, whole answers and interviews, one in five left by its caller. Memory is the resident set of the front
and of every process that it started. Growth counts from the fifth minute (or a sixth of a shorter run): what
a server takes to get going is no leak. Threads, files and processes are counted at rest, before and after.
"""

import argparse
import asyncio
import statistics
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

from askwell_client import AsyncClient
from askwell_manifest import read_manifest

from .ending import ENDINGS, first_of, partial
from .integrity.request import Bounds
from .load.workload import Interview, questions
from .number import count, count_or_none, positive
from .process_table import Holding, children_of, engine_pids, holding_of, server_pid
from .result import Measure, add_out, finish, model_facts
from .serving import running_server
from .traffic import Traffic

NAME = "soak"
_MIB = 2**20
_SAMPLES = 60  # at least, over the whole run
_LONGEST_GAP_S = 60.0
_SETTLED_S = 300.0
_WARM_UP_S, _REST_S = 20.0, 5.0
GROWTH_LIMIT = 0.05
_LEAVING, _INTERVIEWS = 0.2, 0.03
BEARABLE = ("OK", "LEFT")


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory in MiB, ``at_s`` after the load began."""

    at_s: float
    front: float
    engine: float
    others: float

    @property
    def total(self) -> float:
        return self.front + self.engine + self.others


@dataclass(frozen=True, slots=True)
class Census:
    """What the server holds at rest: itself, its engines, and all that it started."""

    processes: int
    threads: int
    files: int


@dataclass(slots=True)
class Soak:
    """It grows while a run goes on, and survives its failure."""

    samples: list[Sample] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    before: Census | None = None
    after: Census | None = None

    def growth(self, minutes: float) -> dict[str, float]:
        """Of each part, the end against the time when it had settled; medians of a tenth of the samples."""
        settled_s = min(_SETTLED_S, 10 * minutes)
        later = [each for each in self.samples if each.at_s >= settled_s]
        if len(later) < 2:
            return {}
        some = max(1, len(later) // 10)

        def grown(part: str) -> float:
            first, last = (
                statistics.median(getattr(each, part) for each in side)
                for side in (later[:some], later[-some:])
            )
            return float(last / first - 1) if first else 0.0

        return {part: grown(part) for part in ("front", "engine", "total")}

    def leaked(self) -> dict[str, int]:
        """What there is more of after than before."""
        if self.before is None or self.after is None:
            return {}
        before, after = asdict(self.before), asdict(self.after)
        return {name: after[name] - before[name] for name in before if after[name] > before[name]}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="a folder of askwell-convert")
    add("--minutes", type=positive, default=30.0, help="how long (default 30)")
    add("--callers", type=count, default=8, help="requests under way at once (default 8)")
    add("--new-tokens", type=count, default=64, help="the longest answer (default 64)")
    add("--examples", type=Path, default=Path("examples"), help="has jobs/ and resumes/ (default examples)")
    add("--seed", type=count_or_none, default=0, help="of the requests (default 0)")
    add_out(parser)


def run(arguments: argparse.Namespace) -> int:
    manifest = read_manifest(arguments.model)
    interviews = questions(arguments.examples, 64)
    bounds = Bounds(manifest.vocabulary_size, prompt_tokens=256, new_tokens=arguments.new_tokens)
    soak, stopped = Soak(), None
    with running_server(arguments.model) as address:
        try:
            asyncio.run(_soak(address, arguments, bounds, interviews, soak))
        except* ENDINGS as endings:
            stopped = "interrupted or broken: " + " ".join(str(first_of(endings)).split())
    growth, leaked = soak.growth(arguments.minutes), soak.leaked()
    print(f"requests: {', '.join(f'{end} {number}' for end, number in sorted(soak.ends.items()))}")
    for part, grown in growth.items():
        print(f"  {part:<10}{100 * grown:>+8.2f} % after it had settled")
    print(f"  before {soak.before}, after {soak.after}" + (f": LEAKED {leaked}" if leaked else ""))
    if stopped:
        print(f"PARTIAL: {stopped}")
    finish(
        NAME,
        {"model": model_facts(manifest), **_figures(soak, arguments), **partial(stopped)},
        arguments.out,
        measures=_measures(soak),
    )
    if arguments.out and len(soak.samples) > 1:
        _plot(arguments.out / f"{NAME}.svg", manifest.name, soak)
    wrong = sum(number for end, number in soak.ends.items() if end not in BEARABLE)
    grown_too_much = not growth or growth["total"] > GROWTH_LIMIT
    return 1 if stopped or wrong or leaked or grown_too_much else 0


async def _soak(
    address: str, arguments: argparse.Namespace, bounds: Bounds, interviews: list[Interview], soak: Soak
) -> None:
    random, server = Random(arguments.seed), server_pid()
    length_s = 60 * arguments.minutes
    gap_s = min(_LONGEST_GAP_S, length_s / _SAMPLES)

    async with AsyncClient(address, retries=0) as client:

        def traffic() -> Traffic:
            return Traffic(
                client,
                bounds,
                random,
                leaving=_LEAVING,
                interviews=cycle(interviews),
                interview_share=_INTERVIEWS,
            )

        await _under(traffic(), arguments.callers, min(_WARM_UP_S, length_s))
        await asyncio.sleep(_REST_S)
        soak.before = census(server)
        load = traffic()
        load.ends = soak.ends
        start_s = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run(arguments.callers))
            while (at_s := time.perf_counter() - start_s) < length_s:
                soak.samples.append(_sample(server, at_s))
                await asyncio.sleep(gap_s)
            soak.samples.append(_sample(server, at_s))
            load.stop()
        await asyncio.sleep(_REST_S)
        soak.after = census(server)


async def _under(traffic: Traffic, callers: int, seconds: float) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(traffic.run(callers))
        await asyncio.sleep(seconds)
        traffic.stop()


def _sample(server: int, at_s: float) -> Sample:
    """Raises RuntimeError when the server is gone."""
    front = holding_of(server)
    if front is None:
        raise RuntimeError("the server ended")
    engines = engine_pids(server)
    others = [pid for pid in children_of(server) if pid not in engines]
    return Sample(at_s, front.memory_bytes / _MIB, _memory_mib(engines), _memory_mib(others))


def _memory_mib(pids: list[int]) -> float:
    return sum(each.memory_bytes for pid in pids if (each := holding_of(pid))) / _MIB


def census(server: int) -> Census:
    pids = [server, *children_of(server)]
    holdings: list[Holding] = [each for pid in pids if (each := holding_of(pid))]
    return Census(len(holdings), sum(each.threads for each in holdings), sum(each.files for each in holdings))


def _figures(soak: Soak, arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "minutes": arguments.minutes,
        "callers": arguments.callers,
        "requests": sum(soak.ends.values()),
        "ends": dict(sorted(soak.ends.items())),
        "growth": soak.growth(arguments.minutes),
        "before": asdict(soak.before) if soak.before else None,
        "after": asdict(soak.after) if soak.after else None,
        "leaked": soak.leaked(),
        "memory_mib": [asdict(each) for each in soak.samples],
    }


def _measures(soak: Soak) -> list[Measure]:
    return [
        Measure(f"{part}_memory", "MiB", "lower", tuple(getattr(each, part) for each in soak.samples))
        for part in ("front", "engine")
    ]


def _plot(path: Path, model: str, soak: Soak) -> None:
    from .plot import plot_fitted

    lines = {
        part: [(each.at_s / 60, getattr(each, part)) for each in soak.samples]
        for part in ("engine", "front", "others")
    }
    title = f"{model}: memory under mixed load, some callers leaving"
    plot_fitted(path, title, ("minutes", "resident memory, MiB"), lines, lines)
