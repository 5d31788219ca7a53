"""Two servers under the same load in turns, round by round, and what can be said of their difference.

Rounds alternate A B, B A, A B: who goes second meets a warmer or a busier machine, and shall do so as often
as the other. Both stand all the while, so neither pays for starting; the one whose turn it is not is idle.
"""

import argparse
import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace

from askwell_client import AsyncClient, ModelInfo

from ..compare.command import compare
from ..compare.side import side_from_result
from ..first_token import PAUSE_S
from ..result import Measure
from .plan import plan, workload_facts
from .result import LevelResult, LoadResult, plot_pair
from .session import Session
from .summary import Summary
from .table import print_round

_MEASURES: tuple[tuple[str, str, bool, Callable[[Summary], float | None]], ...] = (
    ("tokens_per_s", "tokens/s", True, lambda found: found.tokens_per_s),
    ("requests_per_s", "requests/s", True, lambda found: found.requests_per_s),
    ("goodput_per_s", "requests/s", True, lambda found: found.goodput_per_s),
    ("ok_share", "share", True, lambda found: found.ok_share),
    ("first_p50_s", "s", False, lambda found: found.first_s.p50),
    ("first_p90_s", "s", False, lambda found: found.first_s.p90),
    ("per_piece_p50_s", "s", False, lambda found: found.per_piece_s.p50),
    ("end_to_end_p50_s", "s", False, lambda found: found.end_to_end_s.p50),
    ("end_to_end_p90_s", "s", False, lambda found: found.end_to_end_s.p90),
    ("end_to_end_p99_s", "s", False, lambda found: found.end_to_end_s.p99),
)


def run_pairs(given: argparse.Namespace, first_address: str, second_address: str) -> int:
    first, second = asyncio.run(_pairs(given, first_address, second_address))
    if not (first.levels or second.levels):
        raise RuntimeError(first.stopped or "nothing was measured")
    for side in (first, second):
        for each in side.levels:
            if each.summary.invalid:
                print(f"  INVALID: {side.side}, {each.label}: {each.summary.invalid}")
    if first.stopped:
        print(f"\nPARTIAL: {first.stopped}")
    if given.out:
        plot_pair(given.out, first, second)
    if not first.measures:
        raise RuntimeError("not one whole pair of rounds was measured; there is nothing to compare")
    print()
    a, b = (
        side_from_result(f"{side.name}.json" if given.out else str(side.side), side.told())
        for side in (first, second)
    )
    code = compare(a, b, out=given.out, name=f"compare-{first.family}")
    return code if first.whole and second.whole else 1


async def _pairs(
    given: argparse.Namespace, first_address: str, second_address: str
) -> tuple[LoadResult, LoadResult]:
    async with (
        AsyncClient(first_address, timeout_s=given.timeout_s, retries=0) as first_client,
        AsyncClient(second_address, timeout_s=given.timeout_s, retries=0) as second_client,
    ):
        models = await first_client.model(), await second_client.model()
        planned = plan(given, _fitting_both(*models))
        level = planned.levels[0]
        workload = workload_facts(given, planned)
        pairing = uuid.uuid4().hex[:12]
        flags = _flags(given)
        a = LoadResult(models[0], workload, flags[0], side="a", pairing=pairing)
        b = LoadResult(models[1], workload, flags[1], side="b", pairing=pairing)
        turns = [(a, Session(first_client, given)), (b, Session(second_client, given))]
        print(f"{level.label}, {given.pairs} pairs of rounds of {planned.requests} requests")
        stopped = None
        for _, session in turns:
            stopped = stopped or await session.warm_up(planned, level)
        for number in range(given.pairs):
            for result, session in turns if number % 2 == 0 else reversed(turns):
                if stopped:
                    break
                await asyncio.sleep(PAUSE_S)
                label = f"{level.label}, round {number + 1}"
                found, why = await session.measure(planned, level, number, label=label)
                stopped = why and f"{result.side}: {why}"
                if found:
                    result.levels.append(found)
                    print_round(str(result.side), found)
            _close_round(a, b, number if stopped else number + 1, stopped)
            if given.out:
                a.write(given.out)
                b.write(given.out)
            if stopped:
                break
    return a, b


def _close_round(a: LoadResult, b: LoadResult, whole: int, stopped: str | None) -> None:
    """Measures are of whole pairs: a round that broke off, and its partner, are kept but not compared."""
    for side in (a, b):
        side.stopped = stopped
        side.measures = _measures(side.levels[:whole])
    names = {each.name for each in a.measures} & {each.name for each in b.measures}
    for side in (a, b):
        side.measures = [each for each in side.measures if each.name in names]


def _measures(rounds: list[LevelResult]) -> list[Measure]:
    """Those that every round has: a p99 takes 100 requests in each."""
    measures = []
    for name, unit, higher, get in _MEASURES:
        values = [value for each in rounds if (value := get(each.summary)) is not None]
        if rounds and len(values) == len(rounds):
            measures.append(Measure(name, unit, "higher" if higher else "lower", tuple(values)))
    return measures


def _fitting_both(first: ModelInfo, second: ModelInfo) -> ModelInfo:
    """What work for both must fit into. Raises ValueError when their tokens are not the same."""
    if first.vocabulary_size != second.vocabulary_size:
        raise ValueError(
            f"the same work cannot be given to both: {first.name} has {first.vocabulary_size} tokens, "
            f"{second.name} {second.vocabulary_size}"
        )
    return replace(first, positions=min(first.positions, second.positions))


def _flags(given: argparse.Namespace) -> tuple[str | None, str | None]:
    """Of each server, None for one that somebody else started."""
    first = given.server_flags if given.model else None
    if given.against_server:
        return first, None
    return first, given.server_flags if given.against is None else given.against
