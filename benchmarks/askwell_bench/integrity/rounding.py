"""How far int8 lets a batch change what a row would be alone: distributions, not tokens.

Rows share nothing but the prefix, yet another order of computing rounds an activation to another step now
and then. The batches are as the engine makes them: a prefix computed once, tails of unequal length.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from askwell_manifest import read_manifest

from ..generator import load_generator
from .logits import Logits
from .reference import mean_log_ratio

_STEPS = 6
_ROWS = 8


@dataclass(slots=True)
class Rounding:
    """Over the steps whose tokens were the same up to there, with all rows of a batch counted."""

    divergences: list[float] = field(default_factory=list)
    """KL of the batch's next-token distribution from that of the row alone, in nats."""
    same_top: int = 0

    def add(self, alone: Sequence[Logits], batched: Sequence[Logits]) -> None:
        """One row, step by step; the comparison ends where the tokens part."""
        for one, other in zip(alone, batched, strict=True):
            self.divergences.append(mean_log_ratio(one, other))
            if one.argmax() != other.argmax():
                return
            self.same_top += 1

    def figures(self) -> dict[str, float]:
        """Of at least one step. Keys as the results have them."""
        return {
            "steps": len(self.divergences),
            "mean_kl": float(np.mean(self.divergences)),
            "p99_kl": float(np.quantile(self.divergences, 0.99)),
            "max_kl": max(self.divergences),
            "same_top1": self.same_top / len(self.divergences),
        }


def rounding(folder: Path, batches: int) -> Rounding:
    """Batches of 8 rows with a prefix of up to 40 tokens and tails of 2 to 40, against each row alone."""
    from askwell_server.engine.folder import read_vocabulary

    vocabulary = read_vocabulary(folder, read_manifest(folder))
    generator = load_generator(folder, intra_threads=1)
    random = Random(0)

    def tokens(least: int) -> list[str]:
        low, high = len(vocabulary) // 4, len(vocabulary) * 7 // 8
        return [vocabulary[random.randrange(low, high)] for _ in range(random.randint(least, 40))]

    found = Rounding()
    for _ in range(batches):
        prefix, tails = tokens(1), [tokens(2) for _ in range(_ROWS)]
        together = _logits(generator, tails, prefix)
        for tail, batched in zip(tails, together, strict=True):
            (alone,) = _logits(generator, [prefix + tail], None)
            found.add(alone, batched)
    return found


def _logits(generator: Any, prompts: list[list[str]], prefix: list[str] | None) -> list[list[Logits]]:
    """For each row the logits of its first new tokens; those of forced prompt tokens come before them."""
    results = generator.generate_batch(
        prompts, static_prompt=prefix, cache_static_prompt=False, max_length=_STEPS, min_length=_STEPS,
        sampling_topk=1, include_prompt_in_result=False, return_logits_vocab=True,
    )  # fmt: skip
    return [
        [np.array(step, dtype=np.float64).reshape(-1) for step in result.logits[0][-_STEPS:]]
        for result in results
    ]
