"""How long a set takes, in seconds, of the sets of the right résumé."""

from collections.abc import Callable, Sequence

from askwell_client import QuestionSet

from .asking import Asked
from .interval import Estimate, estimate


def latency(jobs: Sequence[Asked]) -> dict[str, Estimate | None]:
    """``extract_s`` is a whole ExtractFeatures call."""

    def of(value: Callable[[QuestionSet], float]) -> Estimate | None:
        return estimate([[value(asked.own), value(asked.again)] for asked in jobs])

    return {
        "extract_s": estimate([[asked.extract_s] for asked in jobs]),
        "plan_s": of(lambda each: each.summary.plan_s),
        "first_question_s": of(lambda each: each.summary.first_question_s),
        "write_s": of(lambda each: each.summary.write_s),
        "all_questions_s": of(all_questions_s),
    }


def slowest_s(jobs: Sequence[Asked]) -> dict[str, float]:
    """Of one set. Empty before the first."""
    sets = [each for asked in jobs for each in (asked.own, asked.again)]
    if not sets:
        return {}
    return {
        "plan_s": max(each.summary.plan_s for each in sets),
        "first_question_s": max(each.summary.first_question_s for each in sets),
        "all_questions_s": max(all_questions_s(each) for each in sets),
    }


def all_questions_s(asked: QuestionSet) -> float:
    return asked.summary.plan_s + asked.summary.write_s
