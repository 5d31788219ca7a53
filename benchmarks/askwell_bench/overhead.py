"""What the server costs: the same work through it and through ctranslate2 directly, pair by pair.

At saturation: batches of 16 prompts of equal length, every output of one length. The direct side is
generate_batch, one batch after the other, without a callback: the least that the work can take. Against it
stand one GenerateBatch call that holds all the prompts (throughput_ratio), and as many streams at once, read
token by token (streamed_ratio). 1 is no loss. Sender and server share the machine, so the
sender's work counts. At concurrency 1: what the server adds to the time to the first token, measured as
first-token does.
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

from .first_token import PAUSE_S, first_token_pairs
from .generator import load_generator
from .load.workload import Vocabulary, preamble
from .result import Measure, add_out, finish, model_facts, quartiles
from .serving import running_server

NAME = "overhead"
ROWS = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="a folder of askwell-convert")
    add(
        "--pairs", type=int, default=10, help="measured rounds at saturation, after 1 of warm-up (default 10)"
    )
    add("--batches", type=int, default=2, help="batches of 16 in a round (default 2)")
    add("--first-token-pairs", type=int, default=40, help="pairs at concurrency 1 (default 40)")
    add("--prompt-tokens", type=int, default=64, help="length of every prompt (default 64)")
    add("--new-tokens", type=int, default=64, help="length of every output (default 64)")
    add("--threads", type=int, default=2, help="ctranslate2 threads on both sides (default 2)")
    add_out(parser)


@dataclass(frozen=True, slots=True)
class _Round:
    """Seconds for the same prompts, three ways."""

    direct_s: float
    batch_s: float
    streams_s: float


def run(arguments: argparse.Namespace) -> int:
    if min(arguments.pairs, arguments.first_token_pairs) < 2 or not 1 <= arguments.batches <= 16:
        raise ValueError("overhead needs at least 2 pairs of each kind, and 1 to 16 batches")
    manifest = read_manifest(arguments.model)
    vocabulary = Vocabulary(manifest.vocabulary_size, manifest.positions)
    count = ROWS * arguments.batches
    work = preamble(vocabulary, count, 0, 0, arguments.prompt_tokens, arguments.new_tokens)
    tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    ids = [list(each.prompt) for each in work]
    tokens = [[str(tokenizer.id_to_token(i)) for i in prompt] for prompt in ids]
    generator = load_generator(arguments.model, intra_threads=arguments.threads)
    threads = str(arguments.threads)
    with running_server(arguments.model, "--intra-threads", threads, "--device", "cpu") as address:
        with Client(address) as client:
            direct, served = first_token_pairs(
                generator, client, ids[0], tokens[0], arguments.first_token_pairs
            )
        rounds = asyncio.run(_rounds(address, generator, ids, tokens, arguments))
    added = quartiles([(after - before) * 1e3 for before, after in zip(direct, served, strict=True)])
    batch = quartiles([each.direct_s / each.batch_s for each in rounds])
    streams = quartiles([each.direct_s / each.streams_s for each in rounds])
    generated = count * arguments.new_tokens
    print(
        f"{manifest.name}, {arguments.batches} batches of {ROWS}, {arguments.prompt_tokens} + "
        f"{arguments.new_tokens} tokens, {len(rounds)} rounds; quartile, median, quartile"
    )
    rows = {
        "ctranslate2, tokens/s": quartiles([generated / each.direct_s for each in rounds]),
        "GenerateBatch, tokens/s": quartiles([generated / each.batch_s for each in rounds]),
        "streams, tokens/s": quartiles([generated / each.streams_s for each in rounds]),
        "GenerateBatch, ratio": batch,
        "streams, ratio": streams,
        "added to first token, ms": added,
    }
    for label, values in rows.items():
        print(f"  {label:<26}" + "".join(f"{value:>10.3f}" for value in values))
    figures = {
        "model": model_facts(manifest),
        "throughput_ratio": round(batch[1], 4),
        "throughput_ratio_quartiles": [round(batch[0], 4), round(batch[2], 4)],
        "streamed_ratio": round(streams[1], 4),
        "streamed_ratio_quartiles": [round(streams[0], 4), round(streams[2], 4)],
        "added_first_token_ms": round(added[1], 3),
        "added_first_token_quartiles_ms": [round(added[0], 3), round(added[2], 3)],
        "pairs": len(rounds),
        "first_token_pairs": len(direct),
        "rows": ROWS,
        "batches": arguments.batches,
        "prompt_tokens": arguments.prompt_tokens,
        "new_tokens": arguments.new_tokens,
        "threads": arguments.threads,
    }
    measures = [
        Measure(
            "throughput_ratio",
            "ratio",
            "higher",
            tuple(r.direct_s / r.batch_s for r in rounds),
            relative=True,
        ),
        Measure(
            "streamed_ratio",
            "ratio",
            "higher",
            tuple(r.direct_s / r.streams_s for r in rounds),
            relative=True,
        ),
        Measure(
            "added_first_token_ms",
            "ms",
            "lower",
            tuple((after - before) * 1e3 for before, after in zip(direct, served, strict=True)),
        ),
    ]
    finish(NAME, figures, arguments.out, measures=measures)
    return 0


async def _rounds(
    address: str,
    generator: Any,
    ids: Sequence[Sequence[int]],
    tokens: Sequence[Sequence[str]],
    arguments: argparse.Namespace,
) -> list[_Round]:
    """The first round warms up and is left out."""
    new_tokens = arguments.new_tokens
    rounds = []
    async with AsyncClient(address, timeout_s=600, retries=0) as client:
        for _ in range(arguments.pairs + 1):
            direct_s = _direct_s(generator, tokens, new_tokens)
            await asyncio.sleep(PAUSE_S)
            batch_s = await _batch_s(client, ids, new_tokens)
            await asyncio.sleep(PAUSE_S)
            streams_s = await _streams_s(client, ids, new_tokens)
            await asyncio.sleep(PAUSE_S)
            rounds.append(_Round(direct_s, batch_s, streams_s))
    return rounds[1:]


def _direct_s(generator: Any, tokens: Sequence[Sequence[str]], new_tokens: int) -> float:
    start = time.perf_counter()
    for first in range(0, len(tokens), ROWS):
        results = generator.generate_batch(
            tokens[first : first + ROWS], max_length=new_tokens, min_length=new_tokens, sampling_topk=1,
            include_prompt_in_result=False,
        )  # fmt: skip
        _check(sum(len(result.sequences_ids[0]) for result in results), ROWS * new_tokens)
    return time.perf_counter() - start


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


async def _streams_s(client: AsyncClient, ids: Sequence[Sequence[int]], new_tokens: int) -> float:
    async def read(prompt: Sequence[int]) -> int:
        stream = client.stream(
            prompt, temperature=0.0, token_ids=True, max_new_tokens=new_tokens, min_new_tokens=new_tokens
        )
        async with aclosing(stream):
            return sum([len(event.token_ids) async for event in stream if isinstance(event, Delta)])

    start = time.perf_counter()
    made = await asyncio.gather(*(read(prompt) for prompt in ids))
    _check(sum(made), len(ids) * new_tokens)
    return time.perf_counter() - start


def _check(made: int, wanted: int) -> None:
    """Equal work is the whole point."""
    if made != wanted:
        raise RuntimeError(f"{made} tokens were written instead of {wanted}; the sides cannot be compared")
