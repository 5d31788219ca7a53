"""What a load run asks for. Every workload is the same again for the same seed.

Prompts are random token ids, so no two share a beginning unless they are meant to. Where all outputs are of
one length the model must write exactly that many tokens. Where lengths differ, only the shortest of them is a
minimum for all: requests of different minima share no batch, and that would be another workload. A text may
then end by itself; the run tells how many did.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .trace import TraceEntry

MIXED_PROMPT = (32, 1024)
MIXED_NEW = (16, 256)


@dataclass(frozen=True, slots=True)
class Continuation:
    """Continue a prompt by ``new_tokens`` tokens, and by no fewer than ``min_new_tokens``."""

    prompt: tuple[int, ...]
    new_tokens: int
    min_new_tokens: int


@dataclass(frozen=True, slots=True)
class Interview:
    """Write questions for a candidate, as many as the interview service does by default."""

    job: Path
    resume: Path
    count: int = 8


Work = Continuation | Interview


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the model takes. Raises ValueError for what cannot fit into it."""

    size: int
    positions: int

    def prompt(self, random: np.random.Generator, length: int) -> tuple[int, ...]:
        """Random ids from the middle of the vocabulary, for special tokens stand at its ends."""
        ids = random.integers(self.size // 8, self.size * 7 // 8, length)
        return tuple(int(each) for each in ids)

    def check(self, prompt_tokens: int, new_tokens: int) -> None:
        if prompt_tokens + new_tokens > self.positions:
            raise ValueError(
                f"a prompt of {prompt_tokens} and {new_tokens} new tokens exceed the model's "
                f"{self.positions} positions; give less with --prompt-tokens or --new-tokens"
            )


def preamble(
    vocabulary: Vocabulary, count: int, seed: int, shared_tokens: int, prompt_tokens: int, new_tokens: int
) -> list[Continuation]:
    """All of one length, and all with the same beginning of ``shared_tokens``, which may be none."""
    vocabulary.check(shared_tokens + prompt_tokens, new_tokens)
    random = np.random.default_rng(seed)
    shared = vocabulary.prompt(random, shared_tokens)
    return [
        Continuation(shared + vocabulary.prompt(random, prompt_tokens), new_tokens, new_tokens)
        for _ in range(count)
    ]


def mixed(vocabulary: Vocabulary, count: int, seed: int) -> list[Continuation]:
    """Log-normal lengths: prompts of 32 to 1024 tokens, outputs of 16 to 256, less in a smaller model."""
    prompts = MIXED_PROMPT[0], min(MIXED_PROMPT[1], vocabulary.positions * 3 // 4)
    news = MIXED_NEW[0], min(MIXED_NEW[1], vocabulary.positions // 4)
    if prompts[0] > prompts[1] or news[0] > news[1]:
        raise ValueError(f"mixed lengths need 64 positions; the model has {vocabulary.positions}")
    random = np.random.default_rng(seed)
    return [
        Continuation(
            vocabulary.prompt(random, _log_normal(random, *prompts)), _log_normal(random, *news), news[0]
        )
        for _ in range(count)
    ]


def traced(vocabulary: Vocabulary, entries: Sequence[TraceEntry], seed: int) -> list[Continuation]:
    """The lengths of a recorded trace."""
    random = np.random.default_rng(seed)
    least = min(entry.new_tokens for entry in entries)
    return [
        Continuation(vocabulary.prompt(random, entry.prompt_tokens), entry.new_tokens, least)
        for entry in entries
    ]


def questions(examples: Path, count: int) -> list[Interview]:
    """The example candidates in turn: each file of jobs/ with the résumé of the same name."""
    resumes = {path.stem: path for path in sorted((examples / "resumes").glob("*.*"))}
    jobs = sorted((examples / "jobs").glob("*.*"))
    pairs = [Interview(job, resumes[job.stem]) for job in jobs if job.stem in resumes]
    if not pairs:
        raise ValueError(f"{examples} holds no jobs/NAME.* with a resumes/NAME.*; name such a folder")
    return [pairs[i % len(pairs)] for i in range(count)]


def _log_normal(random: np.random.Generator, low: int, high: int) -> int:
    """A length whose logarithm is normal; the bounds lie two deviations off, and nothing beyond them."""
    middle, deviation = math.log(low * high) / 2, math.log(high / low) / 4
    while True:
        length = round(float(random.lognormal(middle, deviation)))
        if low <= length <= high:
            return length
