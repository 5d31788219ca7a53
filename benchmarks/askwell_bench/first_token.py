"""What the server adds to the time to the first token, at concurrency 1.

The same prompt goes to ctranslate2 directly and through the server, in turn, so that the machine's
moods hit both. The direct call is generate_batch with a callback, as the engine process makes it.
"""

import argparse
import time
from pathlib import Path
from typing import Any

from askwell_client import Client, Delta
from askwell_manifest import read_manifest
from tokenizers import Tokenizer

from .generator import load_generator
from .result import Measure, add_out, finish, model_facts, quartiles
from .serving import running_server

NAME = "first-token"
PAUSE_S = 0.05  # idle OpenMP threads spin for a while; neither side shall pay for the other's
_TEXT = (
    "The team runs a payment service that must answer within fifty milliseconds. Write one question that "
    "shows whether a candidate has kept such a promise before, and what they gave up for it. "
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", type=Path, required=True, metavar="DIR", help="a folder of askwell-convert"
    )
    parser.add_argument(
        "--pairs", type=int, default=40, help="measured pairs, after 5 of warm-up (default 40)"
    )
    parser.add_argument("--prompt-tokens", type=int, default=64, help="length of the prompt (default 64)")
    parser.add_argument(
        "--threads", type=int, default=2, help="ctranslate2 threads on both sides (default 2)"
    )
    add_out(parser)


def run(arguments: argparse.Namespace) -> int:
    manifest = read_manifest(arguments.model)
    tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    encoded = tokenizer.encode(_TEXT * 40, add_special_tokens=False)
    ids, tokens = encoded.ids[: arguments.prompt_tokens], encoded.tokens[: arguments.prompt_tokens]
    generator = load_generator(arguments.model, intra_threads=arguments.threads)
    with (
        running_server(
            arguments.model, "--intra-threads", str(arguments.threads), "--device", "cpu"
        ) as address,
        Client(address) as client,
    ):
        direct, served = first_token_pairs(generator, client, ids, tokens, arguments.pairs)
    added = [(after - before) * 1e3 for before, after in zip(direct, served, strict=True)]
    print(f"{manifest.name}, prompt of {len(ids)} tokens, {len(added)} pairs; ms: quartile, median, quartile")
    for label, values in (("ctranslate2", [v * 1e3 for v in direct]), ("server", [v * 1e3 for v in served])):
        print(f"  {label:<24}" + "".join(f"{value:>9.2f}" for value in quartiles(values)))
    print(f"  {'added by the server':<24}" + "".join(f"{value:>9.2f}" for value in quartiles(added)))
    low, middle, high = quartiles(added)
    figures = {
        "added_first_token_ms": round(middle, 3),
        "added_quartiles_ms": [round(low, 3), round(high, 3)],
    }
    medians = {"direct_ms": quartiles(direct)[1] * 1e3, "server_ms": quartiles(served)[1] * 1e3}
    finish(
        NAME,
        {
            "model": model_facts(manifest),
            "threads": arguments.threads,
            **figures,
            **medians,
            "pairs": len(added),
        },
        arguments.out,
        measures=[Measure("added_first_token_ms", "ms", "lower", tuple(added))],
    )
    return 0


def first_token_pairs(
    generator: Any, client: Client, ids: list[int], tokens: list[str], pairs: int
) -> tuple[list[float], list[float]]:
    """Seconds to the first token, directly and served, in turn; 5 pairs of warm-up are left out."""
    direct: list[float] = []
    served: list[float] = []
    for pair in range(pairs + 5):
        first = _direct_s(generator, tokens)
        time.sleep(PAUSE_S)
        second = _served_s(client, ids)
        time.sleep(PAUSE_S)
        if pair >= 5:
            direct.append(first)
            served.append(second)
    return direct, served


def _direct_s(generator: Any, tokens: list[str]) -> float:
    """Seconds from the call of generate_batch to its first callback."""
    first: list[float] = []

    def note(_step: object) -> bool:
        first.append(time.perf_counter())
        return True

    start = time.perf_counter()
    generator.generate_batch(
        [tokens], max_length=8, sampling_topk=1, include_prompt_in_result=False, callback=note
    )
    return first[0] - start


def _served_s(client: Client, ids: list[int]) -> float:
    """Seconds from the client's call to the first token it receives."""
    start = time.perf_counter()
    stream = client.stream(ids, temperature=0.0, max_new_tokens=8, token_ids=True)
    next(event for event in stream if isinstance(event, Delta))
    first = time.perf_counter()
    stream.close()
    return first - start
