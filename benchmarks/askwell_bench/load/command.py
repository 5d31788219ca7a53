"""Load on a running server: latencies, throughput and goodput at growing concurrency or rate.

    askwell-bench load --server localhost:50051 --workload mixed --rate 0.5,1,2 --out results
    askwell-bench load --model models/smollm2-135m-instruct --concurrency 1,4,16 --ttft-ms 500 --out results

Every latency counts from when a request was due, not from when it could be sent. Warm-up requests come
before each level and are not counted. With --out, load-WORKLOAD-LOOP.json holds the figures, .records.jsonl
what each request went through, and two .svg the saturation curve and the latencies; they are written after
each level, so what was measured before a server died is kept, marked partial. Exit code 1: the run is
partial, or invalid because the generator itself was too slow: its p99 lag exceeds a tenth of the median
time to the first token (but 10 ms are allowed, and never more than 50), or it used over 0.9 of its one core.
"""

import argparse
import asyncio
import math
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from askwell_client import AsyncClient, ModelInfo

from .. import result as results
from ..serving import running_server
from . import workload as workloads
from .arrival import gamma_arrivals
from .drive import Drive
from .level import Level, levels_from_text
from .result import LevelResult, LoadResult
from .summary import Limits, summary
from .table import print_level, print_shortage
from .trace import TraceEntry, read_trace

NAME = "load"
_DEFAULT_REQUESTS = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--server", metavar="HOST:PORT", help="a server that runs")
    where.add_argument("--model", type=Path, metavar="DIR", help="start a server of one's own")
    add("--server-flags", default="", metavar="FLAGS", help="flags of that own server, in one argument")
    add("--workload", choices=("fixed", "mixed", "questions", "preamble"), help="default: fixed")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--concurrency", metavar="N,N", help="closed loop (default 1,2,4,8)")
    how.add_argument("--rate", metavar="R,R", help="open loop: requests a second")
    how.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help='a recorded trace: lines such as {"at_s": 0.25, "prompt_tokens": 120, "new_tokens": 64}',
    )
    add("--burstiness", type=_positive, default=1.0, help="1 is Poisson, less is burstier (default 1)")
    add("--requests", type=_count, help="a level's measured requests (default 100, or the whole trace)")
    add(
        "--warmup", type=_count_or_none, default=5, metavar="N", help="requests before each level (default 5)"
    )
    add("--seed", type=_count_or_none, default=0, help="of lengths, prompts and arrivals (default 0)")
    add("--prompt-tokens", type=_count, default=128, help="fixed and preamble (default 128)")
    add("--new-tokens", type=_count, default=64, help="fixed and preamble (default 64)")
    add("--preamble-tokens", type=_count, default=128, help="preamble: tokens all share (default 128)")
    add("--examples", type=Path, default=Path("examples"), help="questions: has jobs/ and resumes/")
    add("--ttft-ms", type=_positive, help="goodput: limit of the time to the first token")
    add("--e2e-ms", type=_positive, help="goodput: limit from due to end")
    add("--timeout-s", type=_positive, default=120.0, help="a request's deadline (default 120)")
    add("--out", type=Path, metavar="DIR", help="write results and plots there")


def run(arguments: argparse.Namespace) -> int:
    if arguments.trace and arguments.workload:
        raise ValueError("--trace is its own workload; leave --workload out")
    if arguments.server and arguments.server_flags:
        raise ValueError("--server-flags are for a server started with --model")
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
    with _address(arguments) as address:
        result = asyncio.run(_Run(arguments).levels(address))
    if not result.levels:
        raise RuntimeError(result.stopped or "nothing was measured")
    print_shortage([each.summary for each in result.levels])
    if result.stopped:
        print(f"\nPARTIAL: {result.stopped}")
    results.finish(NAME, result.figures())
    return 0 if result.whole else 1


@contextmanager
def _address(arguments: argparse.Namespace) -> Iterator[str]:
    if arguments.server:
        yield arguments.server
        return
    with running_server(arguments.model, *shlex.split(arguments.server_flags)) as address:
        yield address


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is asked, at which levels. ``warmup`` and ``work`` are the same at every level."""

    levels: list[Level]
    warmup: Sequence[workloads.Work]
    work: Sequence[workloads.Work]
    trace: list[TraceEntry] = field(default_factory=list)


class _Run:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._limits = Limits(_seconds(arguments.ttft_ms), _seconds(arguments.e2e_ms))

    async def levels(self, address: str) -> LoadResult:
        given = self._arguments
        async with AsyncClient(address, timeout_s=given.timeout_s, retries=0) as client:
            model = await client.model()
            plan = _plan(given, model)
            result = LoadResult(model, self._workload(plan), given.server_flags if given.model else None)
            for level in plan.levels:
                result.stopped = await self._level(client, plan, level, result)
                if given.out:
                    result.write(given.out)
                if result.stopped:
                    break
        return result

    async def _level(self, client: AsyncClient, plan: _Plan, level: Level, result: LoadResult) -> str | None:
        """Measure one level and print it. Returns why it stopped early, if so."""
        given = self._arguments
        concurrency = int(level.value) if level.loop == "closed" else 1
        warm = await Drive(client, given.timeout_s).closed(plan.warmup, concurrency)
        if warm:
            return warm
        drive = Drive(client, given.timeout_s)
        if level.loop == "closed":
            stopped = await drive.closed(plan.work, concurrency)
        elif level.loop == "trace":
            stopped = await drive.open(plan.work, [entry.at_s for entry in plan.trace])
        else:
            offsets_s = gamma_arrivals(level.value, level.burstiness or 1.0, len(plan.work), given.seed)
            stopped = await drive.open(plan.work, offsets_s)
        if drive.records:
            found = summary(drive.records, self._limits, drive.loop_lags_s, drive.cpu_s)
            result.levels.append(LevelResult(level, found, drive.records))
            print_level(level, found, result.piece)
        return stopped

    def _workload(self, plan: _Plan) -> dict[str, Any]:
        given = self._arguments
        name = "trace" if given.trace else given.workload or "fixed"
        lengths = {
            "fixed": ("prompt_tokens", "new_tokens"),
            "preamble": ("preamble_tokens", "prompt_tokens", "new_tokens"),
        }.get(name, ())
        return {
            "name": name,
            "loop": plan.levels[0].loop,
            "requests": len(plan.work),
            "warmup": len(plan.warmup),
            "seed": given.seed,
            "limits_ms": {"first": given.ttft_ms, "end_to_end": given.e2e_ms},
            **{length: getattr(given, length) for length in lengths},
        }


def _plan(given: argparse.Namespace, model: ModelInfo) -> _Plan:
    """Checked as a whole before anything is sent. Raises ValueError or OSError."""
    vocabulary = workloads.Vocabulary(model.vocabulary_size, model.positions)
    if given.trace:
        entries = read_trace(given.trace, model.positions)[: given.requests]
        replay = workloads.traced(vocabulary, entries, given.seed)
        return _Plan([Level("trace", len(entries))], replay[: given.warmup], replay, entries)
    if given.rate:
        levels = levels_from_text(given.rate, "open", given.burstiness)
    else:
        levels = levels_from_text(given.concurrency or "1,2,4,8", "closed", given.burstiness)
    count = given.warmup + (given.requests or _DEFAULT_REQUESTS)
    work: Sequence[workloads.Work]
    if given.workload == "mixed":
        work = workloads.mixed(vocabulary, count, given.seed)
    elif given.workload == "questions":
        work = workloads.questions(given.examples, count)
    else:
        shared = given.preamble_tokens if given.workload == "preamble" else 0
        work = workloads.preamble(
            vocabulary, count, given.seed, shared, given.prompt_tokens, given.new_tokens
        )
    return _Plan(levels, work[: given.warmup], work[given.warmup :])


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1e3


def _count(text: str) -> int:
    return _whole(text, 1)


def _count_or_none(text: str) -> int:
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from {least}")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value
