"""What a load run asks for. Every workload is the same again for the same seed.

Prompts are random token ids, so no two share a beginning unless they are meant to. The model
must write exactly as many tokens as asked, neither fewer nor more: no text ends by itself, so two servers do
the same work.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from .trace import TraceEntry

MIXED_PROMPT = (32, 1024)
MIXED_NEW = (16, 256)
SET_ROWS, SET_SHARED, SET_TAIL, SET_NEW = 8, 240, 16, 40

_Group: TypeAlias = tuple[int, tuple[int, ...]]
# The examples' prompts in SmolLM2's tokens, a set of 8 each: what all share; what the core questions share,
# and their lengths; the same of the probes.
INTERVIEWS: tuple[tuple[int, _Group, _Group], ...] = (
    (78, (82, (111, 114, 110)), (129, (154, 158, 160, 162, 163))),
    (73, (77, (106, 107, 104)), (109, (132, 137, 140, 137, 140))),
    (79, (83, (110, 109, 116)), (118, (163, 146, 151, 150, 151))),
    (71, (75, (98, 97, 110)), (115, (147, 142, 146, 146, 148))),
    (76, (80, (103, 112, 111)), (114, (137, 144, 144, 149, 144))),
    (70, (74, (101, 103, 104)), (110, (144, 144, 141, 142, 142))),
)


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


@dataclass(frozen=True, slots=True)
class PromptSet:
    """Prompts of one candidate that are sent in one call: sampled, and each continued by ``new_tokens``."""

    prompts: tuple[tuple[int, ...], ...]
    new_tokens: int


Work = Continuation | Interview | PromptSet


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
            vocabulary.prompt(random, _log_normal(random, *prompts)), *[_log_normal(random, *news)] * 2
        )
        for _ in range(count)
    ]


def sets(
    vocabulary: Vocabulary,
    count: int,
    seed: int,
    *,
    rows: int = SET_ROWS,
    shared_tokens: int = SET_SHARED,
    tail_tokens: int = SET_TAIL,
    new_tokens: int = SET_NEW,
) -> list[PromptSet]:
    """As question sets are: the prompts of a set share their beginning, and no two sets do."""
    vocabulary.check(shared_tokens + tail_tokens, new_tokens)
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        shared = vocabulary.prompt(random, shared_tokens)
        prompts = tuple(shared + vocabulary.prompt(random, tail_tokens) for _ in range(rows))
        found.append(PromptSet(prompts, new_tokens))
    return found


def interviews(vocabulary: Vocabulary, count: int, seed: int, *, new_tokens: int) -> list[PromptSet]:
    """Question sets of the lengths that the examples' prompts have: the six candidates in turn, other words
    each time. All prompts of a set share a beginning, its core questions and its probes more of it each."""
    vocabulary.check(max(max(probes) for _, _, (_, probes) in INTERVIEWS), new_tokens)
    random = np.random.default_rng(seed)
    found = []
    for i in range(count):
        shared_by_all, *groups = INTERVIEWS[i % len(INTERVIEWS)]
        beginning = vocabulary.prompt(random, shared_by_all)
        prompts: list[tuple[int, ...]] = []
        for shared, lengths in groups:
            shared_prompt = beginning + vocabulary.prompt(random, shared - shared_by_all)
            prompts += [shared_prompt + vocabulary.prompt(random, length - shared) for length in lengths]
        found.append(PromptSet(tuple(prompts), new_tokens))
    return found


def traced(vocabulary: Vocabulary, entries: Sequence[TraceEntry], seed: int) -> list[Continuation]:
    """The lengths of a recorded trace."""
    random = np.random.default_rng(seed)
    return [
        Continuation(vocabulary.prompt(random, entry.prompt_tokens), entry.new_tokens, entry.new_tokens)
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
