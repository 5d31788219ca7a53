"""What the server costs: the same work through it and through ctranslate2 directly, round by round.

At saturation: batches of 16 prompts of equal length, every output of one length. The direct side is
generate_batch, as many batches at a time as the server has lanes, without a callback: the least that the work
can take. Against it stand one GenerateBatch call that holds all the prompts (throughput_ratio), and as many
streams, read token by token, all of which wait when the time starts (streamed_ratio). 1 is no loss. The three
take turns, in one order and then in the other. The direct side runs in a process with the engine's own
environment, threads and lanes; sender and server share the machine, so the sender's work counts. At
concurrency 1: what the server adds to the time to the first token, measured as first-token does.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from askwell_client import AsyncClient, Client, Delta
from askwell_manifest import read_manifest
from tokenizers import Tokenizer

from .direct import DirectEngine
from .ending import ENDINGS, partial, why_stopped
from .first_token import PAUSE_S, FirstTokens, check_precision, first_token_pairs
from .load.workload import Vocabulary, preamble
from .number import count, repeats
from .result import Measure, add_out, finish, model_facts, quartiles
from .serving import running_server

NAME = "overhead"
ROWS = 16
_BEFORE_TOKENS, _BEFORE_S = 16, 0.1  # of the batches before the streams
_FULL = {"pairs": 4, "batches": 16, "first_token_pairs": 40, "new_tokens": 32}
_SHORT = {"pairs": 3, "batches": 2, "first_token_pairs": 10, "new_tokens": 32}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    def defaults(name: str) -> str:
        return f"(default {_FULL[name]}, short {_SHORT[name]})"

    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="a folder of askwell-convert")
    add("--short", action="store_true", help="less of everything: a look, not a finding")
    add("--pairs", type=repeats, help=f"rounds at saturation, after 1 of warm-up {defaults('pairs')}")
    add("--batches", type=count, help=f"batches of {ROWS} in a round {defaults('batches')}")
    add("--first-token-pairs", type=repeats, help=f"pairs at concurrency 1 {defaults('first_token_pairs')}")
    add("--prompt-tokens", type=count, default=64, help="length of every prompt (default 64)")
    add("--new-tokens", type=count, help=f"length of every output {defaults('new_tokens')}")
    add("--threads", type=count, default=1, help="ctranslate2 threads of a batch, on both sides (default 1)")
    add("--lanes", type=count, default=2, help="batches at the same time, on both sides (default 2)")
    add_out(parser)


@dataclass(frozen=True, slots=True)
class _Round:
    """Seconds for the same prompts, three ways."""

    direct_s: float
    batch_s: float
    streams_s: float


def run(arguments: argparse.Namespace) -> int:
    for name, value in (_SHORT if arguments.short else _FULL).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    if arguments.batches > 16:
        raise ValueError("overhead takes 1 to 16 batches: the server's queue holds no more")
    manifest = read_manifest(arguments.model)
    vocabulary = Vocabulary(manifest.vocabulary_size, manifest.positions)
    work = preamble(vocabulary, ROWS * arguments.batches, 0, 0, arguments.prompt_tokens, arguments.new_tokens)
    tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    ids = [list(each.prompt) for each in work]
    tokens = [[str(tokenizer.id_to_token(i)) for i in prompt] for prompt in ids]
    layout = ("--intra-threads", str(arguments.threads), "--inter-threads", str(arguments.lanes))
    firsts = FirstTokens()
    rounds: list[_Round] = []
    stopped: str | None = None
    with (
        DirectEngine(arguments.model, arguments.threads, arguments.lanes) as engine,
        running_server(arguments.model, *layout, "--device", "cpu") as address,
    ):
        with Client(address) as client:
            check_precision(engine, client)
            first_token_pairs(engine, client, ids[0], tokens[0], arguments.first_token_pairs, firsts)
        try:
            asyncio.run(_run_rounds(rounds, address, engine, ids, tokens, arguments))
        except ENDINGS as ending:
            stopped = why_stopped(ending, len(rounds))
    measures = _measures(rounds) + firsts.measures()
    print(f"{manifest.name}, {arguments.lanes} x {arguments.threads} threads; quartile, median, quartile")
    _print(rounds, firsts, arguments)
    if stopped:
        print(f"PARTIAL: {stopped}")
    conditions = {**_conditions(arguments), "pairs": len(rounds), **partial(stopped)}
    figures = {"model": model_facts(manifest), **_figures(rounds, firsts), **conditions}
    finish(NAME, figures, arguments.out, measures=measures)
    return 1 if stopped else 0


def _print(rounds: list[_Round], firsts: FirstTokens, arguments: argparse.Namespace) -> None:
    generated = ROWS * arguments.batches * arguments.new_tokens
    saturated = {
        "ctranslate2, tokens/s": [generated / each.direct_s for each in rounds],
        "GenerateBatch, tokens/s": [generated / each.batch_s for each in rounds],
        "streams, tokens/s": [generated / each.streams_s for each in rounds],
        "GenerateBatch, ratio": [each.direct_s / each.batch_s for each in rounds],
        "streams, ratio": [each.direct_s / each.streams_s for each in rounds],
    }
    alone = {"added to first token, ms": firsts.added_ms}
    lengths = f"{arguments.prompt_tokens} + {arguments.new_tokens} tokens"
    for title, rows in (
        (f"{arguments.batches} x {ROWS} prompts at once, {lengths}, {len(rounds)} rounds", saturated),
        (f"one at a time, {arguments.prompt_tokens} tokens, {len(firsts.direct_s)} pairs", alone),
    ):
        print(title)
        for label, values in rows.items():
            print(f"  {label:<26}" + "".join(f"{value:>10.3f}" for value in quartiles(values)))


def _measures(rounds: list[_Round]) -> list[Measure]:
    return [
        Measure(name, "ratio", "higher", tuple(values), relative=True)
        for name, values in (
            ("throughput_ratio", [each.direct_s / each.batch_s for each in rounds]),
            ("streamed_ratio", [each.direct_s / each.streams_s for each in rounds]),
        )
    ]


def _figures(rounds: list[_Round], firsts: FirstTokens) -> dict[str, Any]:
    """Medians and quartiles, as the README's table has them."""
    batch = quartiles([each.direct_s / each.batch_s for each in rounds])
    streams = quartiles([each.direct_s / each.streams_s for each in rounds])
    added = quartiles(firsts.added_ms)
    return {
        "throughput_ratio": batch[1],
        "throughput_ratio_quartiles": [batch[0], batch[2]],
        "streamed_ratio": streams[1],
        "streamed_ratio_quartiles": [streams[0], streams[2]],
        "added_first_token_ms": added[1],
        "added_first_token_quartiles_ms": [added[0], added[2]],
        "direct_ms": quartiles(firsts.direct_s)[1] * 1e3,
        "server_ms": quartiles(firsts.served_s)[1] * 1e3,
    }


def _conditions(arguments: argparse.Namespace) -> dict[str, Any]:
    names = (
        "pairs",
        "first_token_pairs",
        "batches",
        "prompt_tokens",
        "new_tokens",
        "threads",
        "lanes",
        "short",
    )
    return {"rows": ROWS, **{name: getattr(arguments, name) for name in names}}


async def _run_rounds(
    rounds: list[_Round],
    address: str,
    engine: DirectEngine,
    ids: Sequence[Sequence[int]],
    tokens: Sequence[Sequence[str]],
    arguments: argparse.Namespace,
) -> None:
    """Round after round into ``rounds``, which survives a failure. The first warms up and is left out."""
    new_tokens = arguments.new_tokens
    async with AsyncClient(address, timeout_s=600, retries=0) as client:
        for number in range(arguments.pairs + 1):
            times_s = {}
            ways = ("direct_s", "batch_s", "streams_s")
            for way in ways if number % 2 == 0 else reversed(ways):
                await asyncio.sleep(PAUSE_S)
                if way == "direct_s":
                    times_s[way] = engine.batches_s(tokens, ROWS, new_tokens)
                elif way == "batch_s":
                    times_s[way] = await _batch_s(client, ids, new_tokens)
                else:
                    times_s[way] = await _streams_s(client, ids, new_tokens, arguments.lanes)
            if number:
                rounds.append(_Round(**times_s))


async def _batch_s(client: AsyncClient, ids: Sequence[Sequence[int]], new_tokens: int) -> float:
    start = time.perf_counter()
    made = 0
    async for item in client.generate_batch(
        ids, temperature=0.0, max_new_tokens=new_tokens, min_new_tokens=new_tokens
    ):
        if item.error is not None:
            raise item.error
        if item.generation is not None:
            made += item.generation.samples[0].usage.new_tokens
    _check(made, len(ids) * new_tokens)
    return time.perf_counter() - start


async def _streams_s(client: AsyncClient, ids: Sequence[Sequence[int]], new_tokens: int, lanes: int) -> float:
    """Streams do not arrive together, and the first would start alone: saturation is when they wait already.
    So a batch for each lane goes before them, and the time counts from its end."""

    async def read(prompt: Sequence[int]) -> int:
        stream = client.stream(
            prompt, temperature=0.0, token_ids=True, max_new_tokens=new_tokens, min_new_tokens=new_tokens
        )
        async with aclosing(stream):
            return sum([len(event.token_ids) async for event in stream if isinstance(event, Delta)])

    before = asyncio.create_task(_batch_s(client, ids[: lanes * ROWS], _BEFORE_TOKENS))
    await asyncio.sleep(_BEFORE_S)
    reading = asyncio.gather(*(read(prompt) for prompt in ids))
    await before
    start = time.perf_counter()
    made = await reading
    _check(sum(made), len(ids) * new_tokens)
    return time.perf_counter() - start


def _check(made: int, wanted: int) -> None:
    """Equal work is the whole point."""
    if made != wanted:
        raise RuntimeError(f"{made} tokens were written instead of {wanted}; the sides cannot be compared")
