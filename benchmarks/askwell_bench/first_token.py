"""What the server adds to the time to the first token, at concurrency 1.

The same prompt goes to ctranslate2 directly and through the server, in turn and in changing order, so that
the machine's moods hit both. The direct call is generate_batch with a callback, as the engine process makes
it, in a process with the engine's environment. Each side has its own copy of the weights, and the caches are
full of the other's when its turn comes: so it runs twice, and the second time counts.
"""

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from askwell_client import Client, Delta
from askwell_manifest import read_manifest
from tokenizers import Tokenizer

from .direct import DirectEngine
from .ending import ENDINGS, partial, why_stopped
from .load.workload import Vocabulary
from .number import count, repeats
from .result import Measure, add_out, finish, model_facts, quartiles
from .serving import running_server

NAME = "first-token"
PAUSE_S = 0.05  # idle OpenMP threads spin for a while; neither side shall pay for the other's
_WARM_UP = 5
_TEXT = (
    "The team runs a payment service that must answer within fifty milliseconds. Write one question that "
    "shows whether a candidate has kept such a promise before, and what they gave up for it. "
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="a folder of askwell-convert")
    add("--pairs", type=repeats, default=40, help=f"measured pairs, after {_WARM_UP} of warm-up (default 40)")
    add("--prompt-tokens", type=count, default=64, help="length of the prompt (default 64)")
    add("--threads", type=count, default=2, help="ctranslate2 threads on both sides (default 2)")
    add_out(parser)


@dataclass(frozen=True, slots=True)
class FirstTokens:
    """Seconds to the first token, pair by pair. It grows while a run goes on, and survives its failure."""

    direct_s: list[float] = field(default_factory=list)
    served_s: list[float] = field(default_factory=list)

    @property
    def added_ms(self) -> list[float]:
        return [(after - before) * 1e3 for before, after in zip(self.direct_s, self.served_s, strict=True)]

    @property
    def ratios(self) -> list[float]:
        return [after / before for before, after in zip(self.direct_s, self.served_s, strict=True)]

    def measures(self) -> list[Measure]:
        """The ratio beside the milliseconds, for those of two days cannot be compared, and it can."""
        return [
            Measure("added_first_token_ms", "ms", "lower", tuple(self.added_ms)),
            Measure("first_token_ratio", "ratio", "lower", tuple(self.ratios), relative=True),
        ]


def run(arguments: argparse.Namespace) -> int:
    manifest = read_manifest(arguments.model)
    Vocabulary(manifest.vocabulary_size, manifest.positions).check(arguments.prompt_tokens, 8)
    tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    repeated = _TEXT * (1 + arguments.prompt_tokens // 16)
    encoded = tokenizer.encode(repeated, add_special_tokens=False)
    ids, tokens = encoded.ids[: arguments.prompt_tokens], encoded.tokens[: arguments.prompt_tokens]
    threads, found = arguments.threads, FirstTokens()
    stopped: str | None = None
    with (
        DirectEngine(arguments.model, threads) as engine,
        running_server(arguments.model, "--intra-threads", str(threads), "--device", "cpu") as address,
        Client(address) as client,
    ):
        check_precision(engine, client)
        try:
            first_token_pairs(engine, client, ids, tokens, arguments.pairs, found)
        except ENDINGS as ending:
            stopped = why_stopped(ending, len(found.direct_s))
    print(
        f"{manifest.name}, threads: {threads}, prompt of {len(ids)} tokens, {len(found.direct_s)} pairs; "
        "ms: quartile, median, quartile"
    )
    rows = {
        "ctranslate2": [value * 1e3 for value in found.direct_s],
        "server": [value * 1e3 for value in found.served_s],
        "added by the server": found.added_ms,
    }
    for label, values in rows.items():
        print(f"  {label:<24}" + "".join(f"{value:>9.2f}" for value in quartiles(values)))
    if stopped:
        print(f"PARTIAL: {stopped}")
    finish(
        NAME,
        {**_figures(found, arguments, model_facts(manifest)), **partial(stopped)},
        arguments.out,
        measures=found.measures(),
        name=f"{NAME}-threads-{arguments.threads}",
    )
    return 1 if stopped else 0


def _figures(found: FirstTokens, arguments: argparse.Namespace, model: dict[str, Any]) -> dict[str, Any]:
    low, middle, high = quartiles(found.added_ms)
    return {
        "model": model,
        "threads": arguments.threads,
        "prompt_tokens": arguments.prompt_tokens,
        "added_first_token_ms": round(middle, 3),
        "added_quartiles_ms": [round(low, 3), round(high, 3)],
        "direct_ms": quartiles(found.direct_s)[1] * 1e3,
        "server_ms": quartiles(found.served_s)[1] * 1e3,
        "pairs": len(found.direct_s),
    }


def check_precision(engine: DirectEngine, client: Client) -> None:
    """Raises RuntimeError when the sides do not compute the same."""
    served = client.model().compute_type
    if served != engine.compute_type:
        raise RuntimeError(f"the server computes in {served}, ctranslate2 directly in {engine.compute_type}")


def first_token_pairs(
    engine: DirectEngine,
    client: Client,
    ids: list[int],
    tokens: list[str],
    pairs: int,
    found: FirstTokens,
) -> None:
    """Both sides in turn, in changing order, into ``found``; the pairs of warm-up are left out."""
    for pair in range(pairs + _WARM_UP):
        if pair % 2 == 0:
            direct_s, served_s = _direct_s(engine, tokens), _served_s(client, ids)
        else:
            served_s, direct_s = _served_s(client, ids), _direct_s(engine, tokens)
        if pair >= _WARM_UP:
            found.direct_s.append(direct_s)
            found.served_s.append(served_s)


def _direct_s(engine: DirectEngine, tokens: list[str]) -> float:
    for _ in range(2):
        time.sleep(PAUSE_S)
        seconds = engine.first_token_s(tokens)
    return seconds


def _served_s(client: Client, ids: list[int]) -> float:
    for _ in range(2):
        time.sleep(PAUSE_S)
        seconds = _once_served_s(client, ids)
    return seconds


def _once_served_s(client: Client, ids: list[int]) -> float:
    """Seconds from the client's call to the first token, which the minimum forbids to be an end token."""
    start = time.perf_counter()
    stream = client.stream(ids, temperature=0.0, max_new_tokens=8, min_new_tokens=8, token_ids=True)
    next(event for event in stream if isinstance(event, Delta))
    first = time.perf_counter()
    stream.close()
    return first - start
