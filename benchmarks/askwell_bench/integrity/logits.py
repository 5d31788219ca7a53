"""What greedy decoding does to the logits before it takes the largest, as CTranslate2 4.8 does it."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .request import Choice

Logits = npt.NDArray[np.float64]


def processed(
    logits: Logits,
    choice: Choice,
    written: Sequence[int],
    suppressed: Sequence[Sequence[int]],
    end_ids: Sequence[int],
) -> Logits:
    """The logits after ``written`` new tokens, [vocabulary], with -inf for what may not come.

    The penalty divides a positive and multiplies a negative logit of a token already written; it and the
    n-grams never look at the prompt. ``suppressed`` are runs of ids. Ends are forbidden up to the minimum.
    """
    found = logits.copy()
    seen = sorted(set(written))
    if choice.repetition_penalty != 1.0 and seen:
        values = found[seen]
        penalty = choice.repetition_penalty
        found[seen] = np.where(values < 0, values * penalty, values / penalty)
    found[_banned_ngrams(written, choice.no_repeat_ngram_size)] = -math.inf
    for run in suppressed:
        *before, last = run
        if len(before) <= len(written) and list(written[len(written) - len(before) :]) == before:
            found[last] = -math.inf
    if len(written) < choice.min_new_tokens:
        found[list(end_ids)] = -math.inf
    return found


def _banned_ngrams(written: Sequence[int], size: int) -> list[int]:
    """The tokens that would repeat a run of ``size``."""
    if not 0 < size <= len(written):
        return []
    beginning = list(written[len(written) - size + 1 :])
    starts = range(len(written) - size + 1)
    return [written[i + size - 1] for i in starts if list(written[i : i + size - 1]) == beginning]


def behind(logits: Logits, tokens: Sequence[int]) -> float:
    """How far the least likely of ``tokens`` lies behind the likeliest of all."""
    return float(logits.max() - logits[list(tokens)].min())
