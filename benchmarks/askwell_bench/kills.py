"""What becomes of requests, and how soon there is service again, when the engine process is killed.

The engine is killed at random moments under load, by SIGKILL, SIGSEGV and SIGABRT in turn: as the kernel, a
crash and a failed check would. Every request must end in a result or UNAVAILABLE, and tokens must flow again
within the time that loading the model takes plus 2 seconds. Told as well: how long a request takes that comes
after the kill, beside how long the same takes just before it, under the same load. After the kill it meets
those that were running, each of which is run alone first, being a suspect.
"""

import argparse
import asyncio
import math
import os
import signal
import time
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

from askwell_client import AskwellError, AsyncClient
from askwell_manifest import read_manifest

from .direct import DirectEngine
from .ending import ENDINGS, first_of, partial, why_stopped
from .integrity.request import Bounds
from .number import count, count_or_none, positive
from .process_table import engine_pids, holding_of, server_pid
from .result import Measure, add_out, finish, model_facts
from .serving import running_server
from .traffic import Traffic

NAME = "kills"
_SIGNALS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT)
_PROBE_S = 0.02
_GIVE_UP_S = 120.0
_ALLOWED_S = 2.0
_LOADS = 3
_ENDS = ("OK", "UNAVAILABLE")


@dataclass(frozen=True, slots=True)
class Kill:
    """``at_s`` counts from the start of the load. ``back_s`` later a new process gave somebody a token, and
    ``fresh_s`` later a request of one token, sent after the kill, was answered; the same, sent before it,
    took ``calm_s``."""

    signal: str
    at_s: float
    calm_s: float
    back_s: float
    fresh_s: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="a folder of askwell-convert")
    add("--kills", type=count, default=20, help="how often (default 20)")
    add("--callers", type=count, default=16, help="requests under way at once (default 16)")
    add("--new-tokens", type=count, default=64, help="the longest answer (default 64)")
    add("--pause-s", type=positive, default=4.0, help="the longest time between two kills (default 4)")
    add("--seed", type=count_or_none, default=0, help="of the requests and the moments (default 0)")
    add_out(parser)


def run(arguments: argparse.Namespace) -> int:
    manifest = read_manifest(arguments.model)
    bounds = Bounds(manifest.vocabulary_size, new_tokens=arguments.new_tokens)
    load_s = sorted(_load_s(arguments.model) for _ in range(_LOADS))[_LOADS // 2]
    kills: list[Kill] = []
    ends: Counter[str] = Counter()
    said: dict[str, str] = {}
    ending: BaseException | None = None
    with running_server(arguments.model) as address:
        try:
            asyncio.run(_kill(address, arguments, bounds, kills, ends, said))
        except* ENDINGS as endings:
            ending = first_of(endings)
    stopped = why_stopped(ending, len(kills)) if ending else None
    figures = _figures(kills, ends, load_s)
    for kill in kills:
        print(
            f"  {kill.signal:<10}at {kill.at_s:>7.2f} s   back after {kill.back_s:>6.2f} s, "
            f"a new request after {kill.fresh_s:>6.2f} s (before the kill: {kill.calm_s:.2f} s)"
        )
    print(f"requests: {', '.join(f'{end} {number}' for end, number in sorted(ends.items()))}")
    for end, words in said.items():
        print(f"  {end}: {words}")
    print(f"loading takes {load_s:.2f} s; back after {figures['back_s']['max']:.2f} s at most")
    if stopped:
        print(f"PARTIAL: {stopped}")
    finish(
        NAME,
        {"model": model_facts(manifest), **figures, "said": said, **partial(stopped)},
        arguments.out,
        measures=[
            Measure(name, "s", "lower", tuple(getattr(kill, name) for kill in kills))
            for name in ("back_s", "fresh_s")
        ],
    )
    return 1 if stopped or figures["wrong_ends"] or figures["late"] else 0


def _load_s(model: Path) -> float:
    """Seconds from nothing to a loaded model, in a process as the engine's, with nothing beside it."""
    start_s = time.perf_counter()
    with DirectEngine(model, threads=1):
        return time.perf_counter() - start_s


async def _kill(
    address: str,
    arguments: argparse.Namespace,
    bounds: Bounds,
    kills: list[Kill],
    ends: Counter[str],
    said: dict[str, str],
) -> None:
    """What happens goes into the last three as it happens."""
    random, server = Random(arguments.seed), server_pid()
    async with AsyncClient(address, retries=0) as client, asyncio.TaskGroup() as group:
        traffic = Traffic(client, bounds, Random(arguments.seed))
        traffic.ends, traffic.said = ends, said
        group.create_task(traffic.run(arguments.callers))
        start_s = time.perf_counter()
        for number, how in zip(range(arguments.kills), cycle(_SIGNALS), strict=False):
            await asyncio.sleep(random.uniform(0.1, arguments.pause_s))
            calm_s = await _fresh_s(server, client)
            at_s = time.perf_counter() - start_s
            killed = engine_pids(server)
            for pid in killed:
                os.kill(pid, how)
            back_s, fresh_s = await asyncio.gather(_back_s(server, killed, traffic), _fresh_s(server, client))
            kills.append(Kill(how.name, at_s, calm_s, min(back_s, fresh_s), fresh_s))
            print(f"kill {number + 1}: {how.name}, back after {kills[-1].back_s:.2f} s", flush=True)
        traffic.stop()


async def _back_s(server: int, killed: list[int], traffic: Traffic) -> float:
    """Seconds until somebody is given a token by a process that is not among the killed. Infinite when
    nobody is, within the time that a new request is given."""
    start_s, new_s = time.perf_counter(), math.inf
    while (now_s := time.perf_counter()) - start_s < _GIVE_UP_S:
        if new_s == math.inf and set(engine_pids(server)) - set(killed):
            new_s = now_s
        if traffic.last_token_s > new_s:
            return traffic.last_token_s - start_s
        await asyncio.sleep(_PROBE_S)
    return math.inf


async def _fresh_s(server: int, client: AsyncClient) -> float:
    """Seconds until a request that is sent from now on has its result. Raises RuntimeError when none does."""
    start_s = time.perf_counter()
    while (waited_s := time.perf_counter() - start_s) < _GIVE_UP_S:
        try:
            await client.generate((300, 301, 302), max_new_tokens=1, timeout_s=_GIVE_UP_S - waited_s)
        except AskwellError:
            if holding_of(server) is None:
                raise RuntimeError("the server ended") from None
            await asyncio.sleep(_PROBE_S)
        else:
            return time.perf_counter() - start_s
    raise RuntimeError(f"no service within {_GIVE_UP_S:.0f} s of a kill")


def _figures(kills: list[Kill], ends: Counter[str], load_s: float) -> dict[str, Any]:
    names = ("back_s", "fresh_s", "calm_s")
    back_s, fresh_s, calm_s = (sorted(getattr(kill, name) for kill in kills) for name in names)
    return {
        "kills": [asdict(kill) for kill in kills],
        "load_s": load_s,
        "allowed_s": load_s + _ALLOWED_S,
        "back_s": {"median": back_s[len(back_s) // 2], "max": back_s[-1]},
        "fresh_s": {"median": fresh_s[len(fresh_s) // 2], "max": fresh_s[-1]},
        "calm_s": {"median": calm_s[len(calm_s) // 2], "max": calm_s[-1]},
        "late": sum(each > load_s + _ALLOWED_S for each in back_s),
        "requests": sum(ends.values()),
        "ends": dict(sorted(ends.items())),
        "wrong_ends": sum(number for end, number in ends.items() if end not in _ENDS),
    }
