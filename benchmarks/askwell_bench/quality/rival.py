"""Whose questions are these, among people of one and the same trade?

Among résumés of 24 trades the trade alone finds the right one, and the job's own words give the trade away.
Here all candidates are of the job's trade: what is left to find them by is their employers, deeds, tools and
gaps.
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
    """``people``: rivals whose résumé was looked for, each among ``among`` of the trade; ``chance``: the MRR
    of guessing. ``mrr``: by each kind of likeness, from the probes, from those of them that quote the résumé
    ("claims": what is asked about a gap points away from its candidate), and from all questions; "quotes" is
    the ceiling, what those quotes alone would give away. ``probes_changed``: the share of a person's probes
    that another of the trade is not asked in these words; ``subjects_changed``: about this competency.
    Intervals are over trades."""

    people: int
    among: int
    chance: float
    mrr: Mapping[str, Estimate | None]
    probes_changed: Estimate | None
    subjects_changed: Estimate | None

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
    asked: dict[str, Callable[[QuestionSet], Sequence[str]]] = {
        "probes": lambda each: texts(probes(each)),
        "claims": lambda each: texts(_claims(each)),
        "all": lambda each: texts(each.questions),
        "quotes": _quotes,
    }
    return RivalFigures(
        people=sum(len(trade.sets) - 1 for trade in found),
        among=max(len(trade.resumes) for trade in found),
        chance=sum(chance(len(trade.resumes)) for trade in found) / len(found),
        mrr={
            f"{name} by {kind}": estimate([_ranks(trade, chosen, by) for trade in found])
            for name, chosen in asked.items()
            for kind, by in kinds.items()
        },
        probes_changed=estimate([_changes(trade) for trade in found]),
        subjects_changed=estimate([_subject_changes(trade) for trade in found]),
    )


def chance(people: int) -> float:
    """The mean of 1/rank when every rank is as likely: 0.457 for 5."""
    return sum(1 / rank for rank in range(1, people + 1)) / people


def _claims(asked: QuestionSet) -> list[Question]:
    return [each for each in probes(asked) if each.resume_evidence]


def _quotes(asked: QuestionSet) -> list[str]:
    return [each.resume_evidence.quote for each in _claims(asked) if each.resume_evidence]


def _ranks(trade: Trade, chosen: Callable[[QuestionSet], Sequence[str]], by: Encode | None) -> list[float]:
    """The reciprocal rank of each rival whom something was asked."""
    library = library_of(trade.resumes, by)
    asked = [chosen(each) for each in trade.sets]
    return [
        reciprocal_rank(library.scores(asked[place]), place)
        for place in range(1, len(trade.sets))
        if asked[place]
    ]


def _changes(trade: Trade) -> list[float]:
    """For two people, both ways round, and each probe of the second: 1.0 when the first has none like it."""
    asked = [texts(probes(each)) for each in trade.sets]
    return [each for first, second in permutations(asked, 2) if first for each in changed(first, second)]


def _subject_changes(trade: Trade) -> list[float]:
    asked = [[each.competency for each in probes(one)] for one in trade.sets]
    return [float(each not in first) for first, second in permutations(asked, 2) if first for each in second]
