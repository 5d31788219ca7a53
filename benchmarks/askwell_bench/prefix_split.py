"""Whether a shared static prefix changes what the model says: whole prompts against prefix and tail.

int8 is not batch-invariant: another order of computing rounds activations to another step. The logic is
proven at float32 elsewhere; here the next-token distributions of both ways are compared, so that rounding
noise can be told from an error (mean KL in nats; an error of logic gives whole nats).
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from askwell_interview import document_from_bytes
from askwell_manifest import read_manifest
from tokenizers import Tokenizer

from .generator import limit_isa, load_generator
from .number import count
from .result import add_out, finish, model_facts

NAME = "prefix-split"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", type=Path, required=True, metavar="DIR", help="a folder of askwell-convert"
    )
    parser.add_argument("--text", type=Path, nargs="+", required=True, help="documents to cut prompts from")
    parser.add_argument("--prompts", type=count, default=200, help="prompts to compare (default 200)")
    parser.add_argument(
        "--isa",
        choices=("native", "avx2"),
        default="native",
        help="avx2: compute as a CPU without VNNI does (default: as this one does)",
    )
    add_out(parser)


def run(arguments: argparse.Namespace) -> int:
    manifest = read_manifest(arguments.model)
    limit_isa(arguments.isa)
    tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    texts = [document_from_bytes(path.read_bytes()).text for path in arguments.text]
    generator = load_generator(arguments.model, intra_threads=2)
    random = np.random.default_rng(0)
    divergences = []
    same = 0
    for prompt, split in _prompts(tokenizer, texts, arguments.prompts, random):
        whole = _next_token(generator, prompt, None)
        parts = _next_token(generator, prompt[split:], prompt[:split])
        divergences.append(float((np.exp(whole) * (whole - parts)).sum()))
        same += int(whole.argmax() == parts.argmax())
    figures = {
        "prompts": len(divergences),
        "mean_kl": round(float(np.mean(divergences)), 6),
        "max_kl": round(float(np.max(divergences)), 5),
        "same_top1": round(same / len(divergences), 4),
        "compute_type": generator.compute_type,
    }
    for name, value in figures.items():
        print(f"  {name:<22}{value:>14}")
    told = {"model": model_facts(manifest), **figures}
    finish(NAME, told, arguments.out, name=f"{NAME}-{arguments.isa}")
    return 0


def _prompts(
    tokenizer: Tokenizer, texts: list[str], count: int, random: np.random.Generator
) -> list[tuple[list[str], int]]:
    """Prompts of 32 to 200 tokens cut from the texts, each with where its prefix ends (two tokens stay)."""
    pools = [tokenizer.encode(text, add_special_tokens=False).tokens for text in texts]
    pools = [pool for pool in pools if len(pool) > 40]
    if not pools:
        raise ValueError("the documents are too short: prompts need 40 tokens")
    prompts = []
    for _ in range(count):
        pool = pools[int(random.integers(len(pools)))]
        length = int(random.integers(32, min(200, len(pool)) + 1))
        start = int(random.integers(0, len(pool) - length + 1))
        prompts.append((pool[start : start + length], int(random.integers(16, length - 1))))
    return prompts


def _next_token(
    generator: Any, prompt: list[str], prefix: list[str] | None
) -> "np.ndarray[Any, np.dtype[Any]]":
    """Log-probabilities of the token after prefix and prompt: [vocabulary], float64."""
    result = generator.generate_batch(
        [prompt], static_prompt=prefix, cache_static_prompt=False, max_length=1, sampling_topk=1,
        include_prompt_in_result=False, return_logits_vocab=True,
    )  # fmt: skip
    logits = np.array(result[0].logits[0][0], dtype=np.float64).reshape(-1)
    logits -= logits.max()
    return np.asarray(logits - np.log(np.exp(logits).sum()))
