"""What ``reproducible`` gives at int8, and what it takes.

The same requests alone and in company, with the option and without, the latter in turns, for the throughput.
Every prompt is asked once and lengths are mixed: the option's worst case, for rows of one length are few.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from random import Random

from askwell_client import AsyncClient

from ..ending import ENDINGS, why_stopped
from ..result import Measure
from .answer import Answer
from .exchange import answers
from .request import Bounds, requests

REPEATING_DEFAULT = 5
_REQUESTS = 96


@dataclass(slots=True)
class Repeating:
    """It grows while a run goes on, and survives its failure."""

    reproducible: int = 0
    """Requests that asked for it, and below how many got what they get alone."""
    reproducible_equal: int = 0
    others: int = 0
    others_equal: int = 0
    ratios: list[float] = field(default_factory=list)
    """Round by round: throughput with the option, divided by that without."""

    def figures(self) -> dict[str, float]:
        """Keys as the results have them."""
        ratios = sorted(self.ratios)
        return {
            "reproducible": self.reproducible,
            "reproducible_equal": self.reproducible_equal,
            "others": self.others,
            "others_equal": self.others_equal,
            "throughput_ratio": ratios[len(ratios) // 2] if ratios else 0.0,
        }

    def measures(self) -> list[Measure]:
        return [
            Measure("reproducible_throughput", "ratio", "higher", tuple(self.ratios), relative=True),
        ]


def repeated(
    address: str, bounds: Bounds, seed: int, *, concurrency: int, rounds: int
) -> tuple[Repeating, str | None]:
    """What was seen, and why it ended early, if so. Raises RuntimeError when that is too little."""
    found = Repeating()
    try:
        asyncio.run(_repeat(address, found, bounds, seed, concurrency, rounds))
    except ENDINGS as ending:
        return found, why_stopped(ending, len(found.ratios))
    return found, None


async def _repeat(
    address: str, found: Repeating, bounds: Bounds, seed: int, concurrency: int, rounds: int
) -> None:
    drawn = islice(requests(Random(seed), bounds), 8 * _REQUESTS)
    once = list({each.choice: each for each in drawn}.values())[:_REQUESTS]
    whole = [replace(each, ending="", num_return=1, leave_after=None) for each in once]
    sides = {flag: [replace(each, reproducible=flag) for each in whole] for flag in (True, False)}
    async with AsyncClient(address, retries=0) as client:
        alone = {flag: await answers(client, side, 1) for flag, side in sides.items()}
        for turn in range(rounds):
            taken_s: dict[bool, float] = {}
            for flag in (True, False) if turn % 2 else (False, True):
                start_s = time.perf_counter()
                together = await answers(client, sides[flag], concurrency)
                taken_s[flag] = time.perf_counter() - start_s
                _count(found, flag, alone[flag], together)
            found.ratios.append(taken_s[False] / taken_s[True])


def _count(found: Repeating, flag: bool, alone: Sequence[Answer], together: Sequence[Answer]) -> None:
    """Raises RuntimeError for a request that failed."""
    if failed := [each.status for each in (*alone, *together) if each.status != "OK"]:
        raise RuntimeError(f"{len(failed)} requests failed, one with {failed[0]}")
    equal = sum(_ids(one) == _ids(other) for one, other in zip(alone, together, strict=True))
    if flag:
        found.reproducible += len(alone)
        found.reproducible_equal += equal
    else:
        found.others += len(alone)
        found.others_equal += equal


def _ids(answer: Answer) -> list[tuple[int, ...]]:
    return [text.token_ids for text in answer.texts]
