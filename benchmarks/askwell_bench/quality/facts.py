"""What the result's file holds: every figure with its interval, and what compares from run to run."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from askwell_client import QuestionSet

from ..result import Measure
from .asking import Asked
from .guarding import KINDS, GuardRun
from .interval import Estimate
from .latency import all_questions_s, latency, slowest_s
from .leak import CHANNELS
from .outcome import Outcome
from .swap import probes_changed

_FLAWS_KEPT = 100
_LEAKS_KEPT = 50


def figures(found: Outcome) -> dict[str, Any]:
    """By now, whatever is measured."""
    guard = None if found.guard is None else _guard(found.guard)
    judged = {"guard": guard, "leakage": _leakage(found)}
    if not found.jobs:
        return judged
    rivals, relevant = found.rivals(), found.relevance()
    return {
        "jobs": [asked.name for asked in found.jobs],
        "resumes": len(found.judges.pairs),
        "questions": sum(len(each.questions) for _, each in found.own_sets),
        "questions_a_set": _facts(found.set_size()),
        "evidence_exact": _facts(found.evidence()),
        "in_form": _facts(found.form()),
        "invented": _facts(found.invented()),
        "model_share": _facts(found.model_share()),
        "flaws": [list(each) for each in found.flaws()[:_FLAWS_KEPT]],
        "relations": found.relations(),
        "refused": found.refused(),
        "sources": {name: each.facts() for name, each in found.sources().items()},
        "relevance": relevant.facts() if relevant else None,
        "fluency": {
            name: {"nll": _facts(mean), "outliers": _facts(outliers)}
            for name, (mean, outliers) in found.fluency.items()
        },
        "swap": {name: _facts(each) for name, each in found.swap().items()},
        "mrr": _facts(found.mrr()),
        "mrr_probes": _facts(found.probe_mrr()),
        "mrr_swapped": _facts(found.swapped_mrr()),
        "mrr_rivals": rivals.facts() if rivals else None,
        "latency": {name: _facts(each) for name, each in latency(found.jobs).items()},
        "slowest": slowest_s(found.jobs),
        **judged,
    }


def measures(found: Outcome) -> list[Measure]:
    """Value by value, one for each job, in the jobs' order."""
    if not found.jobs:
        return []

    def each(value: Callable[[Asked], Sequence[float]]) -> tuple[float, ...]:
        rows = [value(asked) for asked in found.jobs]
        return tuple(sum(row) / len(row) for row in rows if len(row))

    def of(value: Callable[[QuestionSet], float]) -> tuple[float, ...]:
        return each(lambda asked: [value(asked.own), value(asked.again)])

    return [
        Measure("probes_changed", "share", "higher", each(probes_changed), relative=True),
        Measure("mrr", "1/rank", "higher", each(found.judges.ranks.own), relative=True),
        Measure("plan_s", "s", "lower", of(lambda s: s.summary.plan_s)),
        Measure("first_question_s", "s", "lower", of(lambda s: s.summary.first_question_s)),
        Measure("all_questions_s", "s", "lower", of(all_questions_s)),
    ]


def _guard(run: GuardRun) -> dict[str, Any]:
    middle, late = run.milliseconds
    return {
        "guard": run.guard,
        "sentences": len(run.answers),
        "refused": {kind: _facts(run.refused(kind)) for kind in KINDS},
        "named_right": run.named_right,
        "p50_ms": middle,
        "p99_ms": late,
        "by_category": run.by_category(),
    }


def _leakage(found: Outcome) -> dict[str, Any]:
    leak = found.leakage
    return {
        "planted": leak.planted,
        "leaked": leak.leaked,
        "whole": found.leakage_whole,
        "question_sets": leak.sets,
        "provoked_errors": dict(leak.provoked),
        "texts": {channel: leak.texts[channel] for channel in CHANNELS},
        "by_channel": {channel: leak.count(channel) for channel in CHANNELS},
        "by_kind": leak.by_kind(),
        "found": [list(each) for each in leak.found[:_LEAKS_KEPT]],
    }


def _facts(found: Estimate | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)
