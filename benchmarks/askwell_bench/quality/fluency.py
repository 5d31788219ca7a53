"""How usual the model finds each question: its mean negative log-likelihood per token, in nats.

A low one says little, since the model wrote some of them itself. A high one is an outlier: a text that is
farther from the model's language than 99 of 100 questions that people asked.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from ..generator import load_generator
from .interval import Estimate, estimate

_BATCH = 16
PERCENTILE = 99


class Likelihood:
    """Scores texts by a model folder's own weights, on one thread."""

    def __init__(self, model: Path) -> None:
        self._tokenizer: Any = Tokenizer.from_file(str(model / "tokenizer.json"))
        self._generator = load_generator(model, intra_threads=1)

    def nll(self, texts: Sequence[str]) -> list[float]:
        """One for each text; the first token has nothing before it and does not count. A text of fewer than
        two tokens has none and is left out."""
        tokens = [self._tokenizer.encode(text, add_special_tokens=False).tokens for text in texts]
        kept = [each for each in tokens if len(each) > 1]
        if not kept:
            return []
        scored = self._generator.score_batch(kept, max_batch_size=_BATCH)
        return [-float(np.mean(each.log_probs)) for each in scored]


def fluency(
    sources: dict[str, Sequence[Sequence[str]]], people: Sequence[str], likelihood: Likelihood
) -> dict[str, tuple[Estimate | None, Estimate | None]]:
    """Of each source the mean, and the share of outliers where there are people to compare with.

    ``sources``: the texts of each job.
    """
    theirs = likelihood.nll(people)
    limit = float(np.percentile(theirs, PERCENTILE)) if theirs else None
    told = {}
    for name, jobs in sources.items():
        found = [likelihood.nll(texts) for texts in jobs]
        told[name] = (estimate(found), _outliers(found, limit))
    if theirs:
        told["people"] = (estimate([[value] for value in theirs]), None)
    return told


def _outliers(found: Sequence[Sequence[float]], limit: float | None) -> Estimate | None:
    if limit is None:
        return None
    return estimate([[float(value > limit) for value in values] for values in found])
