"""Whose questions are these, among people of one and the same trade?

Among résumés of 24 trades the trade alone finds the right one, and the job's own words give the trade away.
Here all candidates are of the job's trade: what is left to find them by is their employers, deeds, tools and gaps.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from typing import Any

from askwell_client import Question, QuestionSet

from .asking import Asked, probes, texts
from .interval import Estimate, estimate
from .likeness import Encode, library_of, reciprocal_rank
from .pair import Pair
from .swap import changed


@dataclass(frozen=True, slots=True)
class Trade:
    """The people of one trade and what each was asked for one job: first the job's own candidate, then the
    rivals."""

    resumes: Sequence[str]
    sets: Sequence[QuestionSet]


@dataclass(frozen=True, slots=True)
class RivalFigures:
    """``people``: rivals whose résumé was looked for, each among ``among`` of the trade; ``chance``: the MRR of
    guessing. ``mrr``: from the probes and from all questions, by each kind of likeness. ``probes_changed``:
    the share of a person's probes that another of the trade is not asked. Intervals are over trades."""

    people: int
    among: int
    chance: float
    mrr: Mapping[str, Estimate | None]
    probes_changed: Estimate | None

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def trades(jobs: Sequence[Asked], pairs: Sequence[Pair]) -> list[Trade]:
    """Of the jobs that have rivals."""
    by_name = {pair.name: pair for pair in pairs}
    return [
        Trade((by_name[asked.name].resume, *by_name[asked.name].rivals), (asked.own, *asked.rivals))
        for asked in jobs
        if asked.rivals
    ]


def rival_figures(found: Sequence[Trade], encode: Encode | None) -> RivalFigures | None:
    """None without trades."""
    if not found:
        return None
    kinds: dict[str, Encode | None] = {"words": None} | ({"meaning": encode} if encode else {})
    asked: dict[str, Callable[[QuestionSet], Sequence[Question]]] = {
        "probes": probes,
        "all questions": lambda each: each.questions,
    }
    return RivalFigures(
        people=sum(len(trade.sets) - 1 for trade in found),
        among=max(len(trade.resumes) for trade in found),
        chance=sum(chance(len(trade.resumes)) for trade in found) / len(found),
        mrr={
            f"{name}, by {kind}": estimate([_ranks(trade, chosen, by) for trade in found])
            for name, chosen in asked.items()
            for kind, by in kinds.items()
        },
        probes_changed=estimate([_changes(trade) for trade in found]),
    )


def chance(people: int) -> float:
    """The mean of 1/rank when every rank is as likely: 0.457 for 5."""
    return sum(1 / rank for rank in range(1, people + 1)) / people


def _ranks(
    trade: Trade, chosen: Callable[[QuestionSet], Sequence[Question]], by: Encode | None
) -> list[float]:
    """The reciprocal rank of each rival whom something was asked."""
    library = library_of(trade.resumes, by)
    asked = [texts(chosen(each)) for each in trade.sets]
    return [
        reciprocal_rank(library.scores(asked[place]), place)
        for place in range(1, len(trade.sets))
        if asked[place]
    ]


def _changes(trade: Trade) -> list[float]:
    """For each two people, in both orders, and each probe of the second: 1.0 when the first has none like it."""
    asked = [texts(probes(each)) for each in trade.sets]
    return [each for first, second in permutations(asked, 2) if first for each in changed(first, second)]
