"""The untuned and the tuned model side by side: paired differences, and what was asked of the tuned one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from askwell_bench.quality.interval import DRAWS, Estimate
from askwell_bench.verdict import Verdict, at_least, at_most

from .judged import Judged

MAX_OVERLAP = 12


def paired(
    before: Sequence[Sequence[float]], after: Sequence[Sequence[float]], seed: int = 0
) -> Estimate | None:
    """How much the mean over all values grew, with an interval over roles: each draw takes the same roles on
    both sides (paired percentile bootstrap)."""
    kept = [(b, a) for b, a in zip(before, after, strict=True) if b and a]
    if not kept:
        return None
    sums = np.array([[sum(b), len(b), sum(a), len(a)] for b, a in kept], float)
    drawn = sums[np.random.default_rng(seed).integers(len(kept), size=(DRAWS, len(kept)))].sum(axis=1)
    grown = drawn[:, 2] / drawn[:, 3] - drawn[:, 0] / drawn[:, 1]
    total = sums.sum(axis=0)
    low, high = np.percentile(grown, (2.5, 97.5))
    mean = total[2] / total[3] - total[0] / total[1]
    return Estimate(float(mean), float(low), float(high), int(total[3]), len(kept))


def differences_of_draws(
    before: npt.NDArray[np.float64] | None, after: npt.NDArray[np.float64] | None
) -> dict[str, Estimate]:
    """Of self-BLEU and distinct-2, draw by draw; the interval is what the middle 95 % of the draws gave."""
    if before is None or after is None:
        return {}
    grown = after - before
    found = {}
    for name, column in (("self_bleu", 2), ("distinct_2", 1)):
        low, high = np.percentile(grown[:, column], (2.5, 97.5))
        found[name] = Estimate(
            float(grown[:, column].mean()), float(low), float(high), len(grown), len(grown)
        )
    return found


def verdicts(before: Judged, after: Judged, grown: Mapping[str, Estimate | None]) -> list[Verdict]:
    """What a tuned model has to show. ``grown``: paired differences by name."""

    def mean(found: Estimate | None) -> float | None:
        return None if found is None else found.mean

    tried, untuned = mean(after.first_try), mean(before.first_try)
    failing = None if tried is None or not untuned or untuned == 1 else (1 - tried) / (1 - untuned)
    return [
        at_least("questions that pass every gate on the first try", _hundred(tried), 80, " %"),
        at_most("failures on the first try, of the untuned model's", failing, 0.5),
        _not_lower("specificity, less the untuned model's", grown.get("specificity"), better=1),
        _not_lower("self-BLEU, less the untuned model's", grown.get("self_bleu"), better=-1),
        at_most(
            "perplexity of held-out authored questions, of the untuned model's",
            _over(after.perplexity, before.perplexity),
            0.5,
        ),
        Verdict(
            "canaries extracted: none of 100",
            f"{after.extracted} of {after.canaries}",
            after.extracted == 0 if after.canaries >= 100 else (False if after.extracted else None),
        ),
        at_most("words in a row shared with a training question", after.overlap, MAX_OVERLAP),
    ]


def _hundred(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _not_lower(name: str, grown: Estimate | None, *, better: int) -> Verdict:
    """``better``: 1 where more is better, -1 where less is. The mean decides; the interval is told."""
    bound = "at least 0" if better > 0 else "at most 0"
    if grown is None:
        return Verdict(f"{name}, {bound}", "nothing to compare", None)
    return Verdict(f"{name}, {bound}", grown.told, better * grown.mean >= 0)


def _over(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other


def rows(before: Judged, after: Judged) -> list[tuple[str, str, str]]:
    """The table for people: what, untuned, tuned."""

    def told(value: Any) -> str:
        if isinstance(value, Estimate):
            return value.told
        return "-" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)

    names = (
        ("pass every gate on the first try", "first_try"),
        ("written by the model in the end", "model_share"),
        ("specificity", "specificity"),
        ("the right candidate: MRR", "mrr"),
        (f"self-BLEU of {after.size}", "self_bleu"),
        (f"distinct-2 of {after.size}", "distinct_2"),
        ("perplexity, authored", "perplexity"),
        ("perplexity, people's", "perplexity_people"),
        ("longest run shared with training, words", "overlap"),
        ("canaries extracted", "extracted"),
    )
    return [(name, told(getattr(before, field)), told(getattr(after, field))) for name, field in names]
