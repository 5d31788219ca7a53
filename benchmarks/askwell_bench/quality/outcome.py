"""All that a run found, and what it says of the criteria. Grows job by job."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from askwell_client import Question, QuestionSet, Source

from ..result import Measure
from .asking import Asked, probes, texts
from .check import evidence_flaws, form_flaw, known_from_texts
from .guarding import KINDS, Check, GuardRun
from .interval import Estimate, estimate
from .leak import CHANNELS, Leakage
from .likeness import Encode, Library, reciprocal_rank
from .pair import Pair
from .source import SourceFigures, Written, judge_people, judge_source
from .swap import core_kept, distances, other_job_distance, probes_changed, same_plan

_DIVERSITY_SIZE = 100
_FLAWS_KEPT = 100


@dataclass(frozen=True, slots=True)
class Judges:
    """What questions are held against. ``people``: real questions, or none."""

    pairs: Sequence[Pair]
    library: Library
    encode: Encode | None
    check: Check
    people: Sequence[str]


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
            for name in ("own", "again", "other", "twin"):
                each: QuestionSet = getattr(asked, name)
                known = known_from_texts(each.job_text, each.resume_text)
                for question in each.questions:
                    wrong = evidence_flaws(question, each.job_text, each.resume_text)
                    wrong += [flaw] if (flaw := form_flaw(question.text)) else []
                    wrong += [f"invents {word!r}" for word in known.invented(question.text)]
                    if wrong:
                        found.append((asked.name, name, question.text, "; ".join(wrong)))
        return found

    def every_question(self, right: Callable[[QuestionSet, Question], bool]) -> Estimate | None:
        """The share of questions that are right, over all four sets of each job."""
        return self.per_job(
            lambda asked: [
                float(right(each, question))
                for each in (asked.own, asked.again, asked.other, asked.twin)
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

    def latency(self) -> dict[str, Estimate | None]:
        """Seconds, of the sets of the right résumé. ``extract_s`` is a whole ExtractFeatures call."""

        def of(value: Callable[[QuestionSet], float]) -> Estimate | None:
            return self.per_job(lambda asked: [value(asked.own), value(asked.again)])

        return {
            "extract_s": self.per_job(lambda asked: [asked.extract_s]),
            "plan_s": of(lambda each: each.summary.plan_s),
            "first_question_s": of(lambda each: each.summary.first_question_s),
            "write_s": of(lambda each: each.summary.write_s),
            "all_questions_s": of(lambda each: each.summary.plan_s + each.summary.write_s),
        }

    def slowest_s(self) -> dict[str, float]:
        """Of one set. Empty before the first."""
        summaries = [each.summary for _, each in self.own_sets]
        if not summaries:
            return {}
        return {
            "plan_s": max(each.plan_s for each in summaries),
            "first_question_s": max(each.first_question_s for each in summaries),
            "all_questions_s": max(each.plan_s + each.write_s for each in summaries),
        }

    def swap(self) -> dict[str, Estimate | None]:
        """``twin_excess``: how much farther the twin's set lies than the second run's, job by job."""
        encode = self.judges.encode
        far = [distances(asked, encode) for asked in self.jobs]
        jobs = [other_job_distance(asked, self.jobs, encode) for asked in self.jobs]
        return {
            "probes_changed": self.per_job(probes_changed),
            "core_kept": self.per_job(core_kept),
            "distance_again": estimate([[each["again"]] for each in far]),
            "distance_twin": estimate([[each["twin"]] for each in far]),
            "distance_other_resume": estimate([[each["other_resume"]] for each in far]),
            "distance_other_job": estimate([[each] for each in jobs if each is not None]),
            "twin_excess": estimate([[each["twin"] - each["again"]] for each in far]),
            "twin_same_plan": self.per_job(lambda asked: [same_plan(asked)]),
        }

    def mrr(self) -> Estimate | None:
        """Of the right résumé, from all questions of its set."""
        return self.per_job(self._own_rank)

    def swapped_mrr(self) -> Estimate | None:
        """Of the résumé that a job was swapped to, from the probes alone: no trade gives it away."""
        return self.per_job(
            lambda asked: (
                [self._rank(texts(probes(asked.other)), asked.other_name)] if probes(asked.other) else []
            )
        )

    def probe_mrr(self) -> Estimate | None:
        return self.per_job(
            lambda asked: [self._rank(texts(probes(asked.own)), asked.name)] if probes(asked.own) else []
        )

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

    def figures(self) -> dict[str, Any]:
        if not self.jobs:
            return {"guard": self._guard_facts(), "leakage": self._leakage_facts()}
        return {
            "jobs": [asked.name for asked in self.jobs],
            "resumes": len(self.judges.pairs),
            "questions": sum(len(each.questions) for _, each in self.own_sets),
            "questions_a_set": _facts(self.set_size()),
            "evidence_exact": _facts(self.evidence()),
            "in_form": _facts(self.form()),
            "invented": _facts(self.invented()),
            "model_share": _facts(self.model_share()),
            "flaws": [list(each) for each in self.flaws()[:_FLAWS_KEPT]],
            "relations": self.relations(),
            "refused": self.refused(),
            "sources": {name: each.facts() for name, each in self.sources().items()},
            "fluency": {
                name: {"nll": _facts(mean), "outliers": _facts(outliers)}
                for name, (mean, outliers) in self.fluency.items()
            },
            "swap": {name: _facts(each) for name, each in self.swap().items()},
            "mrr": _facts(self.mrr()),
            "mrr_probes": _facts(self.probe_mrr()),
            "mrr_swapped": _facts(self.swapped_mrr()),
            "latency": {name: _facts(each) for name, each in self.latency().items()},
            "slowest": self.slowest_s(),
            "guard": self._guard_facts(),
            "leakage": self._leakage_facts(),
        }

    def measures(self) -> list[Measure]:
        """Value by value, one for each job, in the jobs' order."""
        if not self.jobs:
            return []

        def each(value: Callable[[Asked], Sequence[float]]) -> tuple[float, ...]:
            rows = [value(asked) for asked in self.jobs]
            return tuple(sum(row) / len(row) for row in rows if len(row))

        def of(value: Callable[[QuestionSet], float]) -> tuple[float, ...]:
            return each(lambda asked: [value(asked.own), value(asked.again)])

        return [
            Measure("probes_changed", "share", "higher", each(probes_changed), relative=True),
            Measure("mrr", "1/rank", "higher", each(self._own_rank), relative=True),
            Measure("plan_s", "s", "lower", of(lambda s: s.summary.plan_s)),
            Measure("first_question_s", "s", "lower", of(lambda s: s.summary.first_question_s)),
            Measure("all_questions_s", "s", "lower", of(lambda s: s.summary.plan_s + s.summary.write_s)),
        ]

    def _own_rank(self, asked: Asked) -> list[float]:
        return [self._rank(texts(asked.own.questions), asked.name)] if asked.own.questions else []

    def _rank(self, questions: Sequence[str], name: str) -> float:
        return reciprocal_rank(self.judges.library.scores(questions), self._place(name))

    def _place(self, name: str) -> int:
        return next(index for index, pair in enumerate(self.judges.pairs) if pair.name == name)

    def _source(self, written: Sequence[Sequence[str]], size: int) -> SourceFigures:
        jobs = []
        for asked, found in zip(self.jobs, written, strict=True):
            place = self._place(asked.name)
            pair = self.judges.pairs[place]
            jobs.append(Written(found, known_from_texts(pair.job, pair.resume), place))
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

    def _guard_facts(self) -> dict[str, Any] | None:
        if self.guard is None:
            return None
        middle, late = self.guard.milliseconds
        return {
            "guard": self.guard.guard,
            "sentences": len(self.guard.answers),
            "refused": {kind: _facts(self.guard.refused(kind)) for kind in KINDS},
            "named_right": self.guard.named_right,
            "p50_ms": middle,
            "p99_ms": late,
            "by_category": self.guard.by_category(),
        }

    def _leakage_facts(self) -> dict[str, Any]:
        leak = self.leakage
        return {
            "planted": leak.planted,
            "leaked": leak.leaked,
            "whole": self.leakage_whole,
            "question_sets": leak.sets,
            "provoked_errors": dict(leak.provoked),
            "texts": {channel: leak.texts[channel] for channel in CHANNELS},
            "by_channel": {channel: leak.count(channel) for channel in CHANNELS},
            "by_kind": leak.by_kind(),
            "found": [list(each) for each in leak.found[:50]],
        }


def _facts(found: Estimate | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)
