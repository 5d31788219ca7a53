"""How various a collection of questions is, at a fixed number of them.

distinct-n: different n-grams over all n-grams (Li et al. 2016). self-BLEU: the mean BLEU-4 of each text
against all others (Zhu et al. 2018), with add-one smoothing from the second order up and the nearest
reference's length. Both depend on how many texts there are, so every collection is drawn down to ``size``.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt
from askwell_interview.word import WORD

_ORDER = 4
_DRAWS = 20


@dataclass(frozen=True, slots=True)
class Diversity:
    """Means over draws of ``size`` texts, and what the middle 95 % of the draws gave. ``words``: of a text,
    on average."""

    size: int
    distinct_1: float
    distinct_2: float
    distinct_2_low: float
    distinct_2_high: float
    self_bleu: float
    self_bleu_low: float
    self_bleu_high: float
    words: float


def diversity(jobs: Sequence[Sequence[str]], size: int, seed: int = 0) -> Diversity | None:
    """Each draw takes jobs with replacement and ``size`` texts of theirs without. None for too few texts."""
    rows = diversity_draws(jobs, size, seed)
    if rows is None:
        return None
    one, two, bleu, words_each = (float(mean) for mean in np.mean(rows, axis=0))
    (two_low, bleu_low), (two_high, bleu_high) = np.percentile(rows[:, 1:3], (2.5, 97.5), axis=0).tolist()
    return Diversity(size, one, two, two_low, two_high, bleu, bleu_low, bleu_high, words_each)


def diversity_draws(
    jobs: Sequence[Sequence[str]], size: int, seed: int = 0
) -> npt.NDArray[np.float64] | None:
    """A row for each draw: distinct-1, distinct-2, self-BLEU, words of a text. Two collections of as many
    jobs with as many texts each are drawn alike, so that their rows may be compared pair by pair."""
    jobs = [[text for text in job if text.strip()] for job in jobs]
    jobs = [job for job in jobs if job]
    if size < 2 or sum(map(len, jobs)) < size:
        return None
    random = Random(seed)
    rows = []
    for _ in range(_DRAWS):
        drawn = random.sample(_drawn(jobs, size, random), size)
        words = [[word.casefold() for word in WORD.findall(text)] for text in drawn]
        rows.append(
            (distinct(words, 1), distinct(words, 2), self_bleu(words), float(np.mean([*map(len, words)])))
        )
    return np.array(rows)


def _drawn(jobs: Sequence[Sequence[str]], size: int, random: Random) -> list[str]:
    """The texts of as many jobs as there are, each job once however often it is drawn: a job that came
    twice would look like a repetition. All texts where that leaves too few."""
    picked = {random.randrange(len(jobs)) for _ in jobs}
    found = [text for index in sorted(picked) for text in jobs[index]]
    return found if len(found) >= size else [text for job in jobs for text in job]


def distinct(texts: Sequence[Sequence[str]], order: int) -> float:
    grams = [gram for words in texts for gram in _grams(words, order)]
    return len(set(grams)) / len(grams) if grams else 0.0


def self_bleu(texts: Sequence[Sequence[str]]) -> float:
    """Every text against all others as its references."""
    counts = [[Counter(_grams(words, n)) for n in range(1, _ORDER + 1)] for words in texts]
    best: dict[tuple[str, ...], list[int]] = {}
    for orders in counts:
        for gram, times in (item for order in orders for item in order.items()):
            best[gram] = sorted((*best.get(gram, (0, 0)), times), reverse=True)[:2]
    lengths = [len(words) for words in texts]
    return float(np.mean([_bleu(at, lengths, counts[at], best) for at in range(len(texts))]))


def _bleu(
    at: int,
    lengths: Sequence[int],
    own: Sequence[Counter[tuple[str, ...]]],
    best: dict[tuple[str, ...], list[int]],
) -> float:
    """``best``: of each n-gram, the two highest counts in any text. The other texts' highest is the second
    where the first is this text's own."""
    logs = 0.0
    for order, grams in enumerate(own):
        matched = sum(
            min(times, best[gram][1] if best[gram][0] == times else best[gram][0])
            for gram, times in grams.items()
        )
        smooth = 1 if order else 0
        if matched + smooth == 0:
            return 0.0
        logs += math.log((matched + smooth) / (sum(grams.values()) + smooth)) / _ORDER
    length, others = lengths[at], [each for other, each in enumerate(lengths) if other != at]
    nearest = min(others, key=lambda each: (abs(each - length), each))
    brevity = 1.0 if length >= nearest else math.exp(1 - nearest / max(1, length))
    return brevity * math.exp(logs)


def _grams(words: Sequence[str], order: int) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + order]) for at in range(len(words) - order + 1)]
