"""Whether concurrent greedy requests return exactly what each returns alone.

Give it a float32 folder: int8 rounds activations, so another batch is another rounding and texts diverge
without any error of logic (see prefix-split for what int8 may differ by).
"""

import argparse
import asyncio
import random
from pathlib import Path

from askwell_client import AsyncClient, Sample
from askwell_manifest import read_manifest

from .number import count
from .result import add_out, finish, model_facts
from .serving import running_server

NAME = "integrity"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="a float32 folder")
    parser.add_argument("--requests", type=count, default=64, help="concurrent requests (default 64)")
    add_out(parser)


def run(arguments: argparse.Namespace) -> int:
    manifest = read_manifest(arguments.model)
    with running_server(arguments.model, "--queue-limit", str(max(256, arguments.requests))) as address:
        alone, together = asyncio.run(_ask_both_ways(address, arguments.requests))
    equal = sum(a.token_ids == b.token_ids for a, b in zip(alone, together, strict=True))
    figures = {
        "requests": len(alone),
        "equal": equal,
        "tokens": sum(sample.usage.new_tokens for sample in together),
        "largest_batch": max(sample.usage.batch_size for sample in together),
        "with_prefix": sum(sample.usage.prefix_tokens > 0 for sample in together),
        "with_forced_tokens": sum(sample.usage.forced_tokens > 0 for sample in together),
    }
    for name, value in figures.items():
        print(f"  {name:<22}{value:>10}")
    finish(NAME, {"model": model_facts(manifest), **figures}, arguments.out)
    return 0 if equal == len(alone) else 1


async def _ask_both_ways(address: str, count: int) -> tuple[list[Sample], list[Sample]]:
    prompts = _prompts(count)
    async with AsyncClient(address, timeout_s=600) as client:

        async def ask(i: int) -> Sample:
            answer = await client.generate(
                prompts[i], temperature=0.0, max_new_tokens=8 + i % 24, token_ids=True
            )
            return answer.samples[0]

        alone = [await ask(i) for i in range(count)]
        together = await asyncio.gather(*(ask(i) for i in range(count)))
    return alone, together


def _prompts(count: int) -> list[list[int]]:
    """Token ids, 2 to 120 a prompt, every second one with a beginning that others share."""
    choice = random.Random(0)
    shared = [choice.randrange(100, 300) for _ in range(60)]
    return [
        (shared if i % 2 else []) + [choice.randrange(100, 300) for _ in range(choice.randint(2, 60))]
        for i in range(count)
    ]
