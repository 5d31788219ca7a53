"""Load on a running server: latencies, throughput and goodput at growing concurrency or rate.

    askwell-bench load --server localhost:50051 --workload mixed --rate 0.5,1,2 --out results
    askwell-bench load --model models/smollm2-135m-instruct --concurrency 1,4,16 --ttft-ms 500 --out results
    askwell-bench load --model models/smollm2-135m-instruct --concurrency 8 --against='--queue-limit 8'

Every latency counts from when a request was due, not from when it could be sent. Warm-up requests come
before each level and are not counted. With --out, load-WORKLOAD-LOOP.json holds the figures, .records.jsonl
what each request went through, and two .svg the saturation curve and the latencies; they are written after
each level, so what was measured before a server died is kept, marked partial. Exit code 1: the run is
partial, or invalid because the generator itself was too slow: its p99 lag exceeds a tenth of the median
time to the first token (but 10 ms are allowed, and never more than 50), or it used over 0.9 of its one core.
A question set is OK only when it is whole, and each level tells how many questions the model wrote and how
many came from the bank: those cost nothing.

With --against, --against-model or --against-server a second server stands beside the first, and rounds of
the same work go to both in turns, so that the machine's moods hit both alike. The two results (-a.json,
-b.json) are compared at the end as askwell-bench compare does; exit code 1 also means that the second is
worse. --against='' pits a server against itself: what differs then is noise.
"""

import argparse
import asyncio
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from askwell_client import AsyncClient

from .. import result as results
from ..serving import running_server
from . import option
from .pairs import run_pairs
from .plan import plan, workload_facts
from .result import LoadResult
from .session import Session
from .table import print_level, print_shortage

NAME = "load"
add_arguments = option.add_arguments


def run(arguments: argparse.Namespace) -> int:
    option.check(arguments)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
    with _first_server(arguments) as first:
        if option.in_pairs(arguments):
            with _second_server(arguments) as second:
                return run_pairs(arguments, first, second)
        result = asyncio.run(_levels(arguments, first))
    if not result.levels:
        raise RuntimeError(result.stopped or "nothing was measured")
    print_shortage([each.summary for each in result.levels])
    if result.stopped:
        print(f"\nPARTIAL: {result.stopped}")
    results.finish(NAME, result.figures())
    return 0 if result.whole else 1


async def _levels(given: argparse.Namespace, address: str) -> LoadResult:
    async with AsyncClient(address, timeout_s=given.timeout_s, retries=0) as client:
        model = await client.model()
        planned = plan(given, model)
        flags = given.server_flags if given.model else None
        result = LoadResult(model, workload_facts(given, planned), flags)
        session = Session(client, given)
        for level in planned.levels:
            result.stopped = await session.warm_up(planned, level)
            if not result.stopped:
                found, result.stopped = await session.measure(planned, level)
                if found:
                    result.levels.append(found)
                    print_level(level, found.summary, result.piece)
            if given.out:
                result.write(given.out)
            if result.stopped:
                break
    return result


@contextmanager
def _first_server(given: argparse.Namespace) -> Iterator[str]:
    if given.server:
        yield given.server
        return
    with _own(given.model, given.server_flags) as address:
        yield address


@contextmanager
def _second_server(given: argparse.Namespace) -> Iterator[str]:
    """The first one's flags hold for another model too, unless it is given its own."""
    if given.against_server:
        yield given.against_server
        return
    flags = given.server_flags if given.against is None else given.against
    with _own(given.against_model or given.model, flags) as address:
        yield address


@contextmanager
def _own(model: Path, flags: str) -> Iterator[str]:
    try:
        words = shlex.split(flags)
    except ValueError as error:
        raise ValueError(f"flags {flags!r} cannot be read: {error}") from None
    with running_server(model, *words) as address:
        yield address
