"""All that a run found, and what it says of the criteria. Grows job by job."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from askwell_client import Question, QuestionSet, Source

from .asking import Asked, probes, texts
from .check import evidence_flaws, form_flaw, known_from_texts
from .guarding import Check, GuardRun
from .interval import Estimate, estimate
from .leak import Leakage
from .likeness import Encode, Library
from .opening import without_opening
from .pair import Pair
from .rank import Ranks
from .relevance import Relevance, relevance
from .rival import RivalFigures, rival_figures, trades
from .source import SourceFigures, Written, judge_people, judge_source
from .swap import swap_figures

_DIVERSITY_SIZE = 100


@dataclass(frozen=True, slots=True)
class Judges:
    """What questions are held against. ``people``: real questions, or none."""

    pairs: Sequence[Pair]
    library: Library
    encode: Encode | None
    check: Check
    people: Sequence[str]

    @property
    def ranks(self) -> Ranks:
        return Ranks(self.library, [pair.name for pair in self.pairs])


@dataclass(slots=True)
class Outcome:
    judges: Judges
    jobs: list[Asked] = field(default_factory=list)
    guard: GuardRun | None = None
    leakage: Leakage = field(default_factory=Leakage)
    leakage_whole: bool = False
    fluency: dict[str, tuple[Estimate | None, Estimate | None]] = field(default_factory=dict)

    @property
    def own_sets(self) -> list[tuple[Asked, QuestionSet]]:
        """Both sets of the right résumé of each job."""
        return [(asked, each) for asked in self.jobs for each in (asked.own, asked.again)]

    def per_job(self, value: Callable[[Asked], Sequence[float]]) -> Estimate | None:
        return estimate([value(asked) for asked in self.jobs])

    def flaws(self) -> list[tuple[str, str, str, str]]:
        """Job, set, question, and what is wrong with its evidence, form or names."""
        found = []
        for asked in self.jobs:
            for name, each in _judged_sets(asked).items():
                known = known_from_texts(each.job_text, each.resume_text)
                for question in each.questions:
                    wrong = evidence_flaws(question, each.job_text, each.resume_text)
                    wrong += [flaw] if (flaw := form_flaw(question.text)) else []
                    wrong += [f"invents {word!r}" for word in known.invented(question.text)]
                    if wrong:
                        found.append((asked.name, name, question.text, "; ".join(wrong)))
        return found

    def every_question(self, right: Callable[[QuestionSet, Question], bool]) -> Estimate | None:
        """The share of questions that are right, over all sets of each job."""
        return self.per_job(
            lambda asked: [
                float(right(each, question))
                for each in _judged_sets(asked).values()
                for question in each.questions
            ]
        )

    def evidence(self) -> Estimate | None:
        """Whose quotes are exact and there."""
        return self.every_question(
            lambda each, question: not evidence_flaws(question, each.job_text, each.resume_text)
        )

    def form(self) -> Estimate | None:
        return self.every_question(lambda _, question: form_flaw(question.text) is None)

    def invented(self) -> Estimate | None:
        """That name a tool, a name or a number that stands in neither document."""
        return self.every_question(
            lambda each, question: bool(
                known_from_texts(each.job_text, each.resume_text).invented(question.text)
            )
        )

    def model_share(self) -> Estimate | None:
        return self.per_job(
            lambda asked: [
                float(question.source is Source.MODEL)
                for each in (asked.own, asked.again)
                for question in each.questions
            ]
        )

    def set_size(self) -> Estimate | None:
        """Questions in a set of the right résumé: fewer than asked for where the documents hold no more."""
        return self.per_job(lambda asked: [len(each.questions) for each in (asked.own, asked.again)])

    def swap(self) -> dict[str, Estimate | None]:
        return swap_figures(self.jobs, self.judges.encode)

    def mrr(self) -> Estimate | None:
        return self.per_job(self.judges.ranks.own)

    def probe_mrr(self) -> Estimate | None:
        return self.per_job(self.judges.ranks.own_probes)

    def swapped_mrr(self) -> Estimate | None:
        return self.per_job(self.judges.ranks.swapped)

    def rivals(self) -> RivalFigures | None:
        return rival_figures(trades(self.jobs, self.judges.pairs), self.judges.encode)

    def relevance(self) -> Relevance | None:
        return relevance(self.jobs, self.judges.encode)

    def sources(self) -> dict[str, SourceFigures]:
        """Ours and the baselines over the same documents, and people's questions where there are some."""
        written = self.written()
        size = min([_DIVERSITY_SIZE, *(sum(map(len, each)) for each in written.values())])
        told = {name: self._source(each, size) for name, each in written.items()}
        if self.judges.people:
            told["people"] = judge_people(self.judges.people, self.judges.check, size)
        return told

    def written(self) -> dict[str, Sequence[Sequence[str]]]:
        """The texts of each source, job by job."""
        return {
            "askwell": [texts(asked.own.questions) for asked in self.jobs],
            "founding prompt": [asked.founding for asked in self.jobs],
            "random bank": [asked.bank for asked in self.jobs],
        }

    def _source(self, written: Sequence[Sequence[str]], size: int) -> SourceFigures:
        jobs = []
        for asked, found in zip(self.jobs, written, strict=True):
            place = self.judges.ranks.place(asked.name)
            pair = self.judges.pairs[place]
            topics = {*asked.topics, *(question.competency for question in asked.own.questions)}
            bare = [without_opening(text, topics) for text in found]
            jobs.append(Written(found, bare, known_from_texts(pair.job, pair.resume), place))
        return judge_source(jobs, self.judges.library, self.judges.check, size)

    def relations(self) -> dict[str, int]:
        """Probes of the right résumé by their relation. JOB is asked of anybody."""
        found = (str(probe.relation) for _, each in self.own_sets for probe in probes(each))
        return dict(Counter(found).most_common())

    def refused(self) -> dict[str, int]:
        """Texts of the model by the check that refused them, over the sets of the right résumé."""
        total = Counter[str]()
        for _, each in self.own_sets:
            total.update(each.summary.refused)
        return dict(total.most_common())


def _judged_sets(asked: Asked) -> dict[str, QuestionSet]:
    """Every set that was asked for the job, by the name that a flaw is told with."""
    rivals = {f"rival {number}": each for number, each in enumerate(asked.rivals, start=1)}
    return {"own": asked.own, "again": asked.again, "other": asked.other, "twin": asked.twin, **rivals}
