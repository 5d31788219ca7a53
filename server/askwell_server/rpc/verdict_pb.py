"""The guard's messages: a question to check, whose law counts, and the verdict."""

from collections.abc import Iterable
from typing import Protocol

from askwell.v1 import interview_pb2 as pb
from askwell_interview import JURISDICTIONS, Verdict

from .validate import Checks

TEXT_LIMIT = 500
RULES = {"pattern": pb.CheckQuestionResponse.PATTERN, "likeness": pb.CheckQuestionResponse.LIKENESS}


class LawfulRequest(Protocol):
    """A request that says whose law counts."""

    @property
    def jurisdictions(self) -> Iterable[str]: ...


def checked_from_pb(request: pb.CheckQuestionRequest, checks: Checks) -> tuple[str, frozenset[str]]:
    """The question, and whose law counts."""
    if not request.text.strip():
        checks.refuse("text", "must not be empty")
    elif len(request.text) > TEXT_LIMIT:
        checks.refuse("text", f"has {len(request.text)} characters; at most {TEXT_LIMIT}")
    return request.text, jurisdictions_from_pb(request, checks)


def jurisdictions_from_pb(request: LawfulRequest, checks: Checks) -> frozenset[str]:
    """Whose law counts; empty for that of all."""
    for index, code in enumerate(request.jurisdictions):
        if code not in JURISDICTIONS:
            checks.refuse(f"jurisdictions[{index}]", f"must be one of {', '.join(JURISDICTIONS)}")
    return frozenset(request.jurisdictions)


def guard_to_pb(verdict: Verdict) -> pb.GuardVerdict:
    """The verdict on a text of ours; who wants to know why asks CheckQuestion."""
    return pb.GuardVerdict(
        allowed=verdict.allowed,
        category=verdict.category,
        rule=RULES[verdict.rule],
        jurisdictions=verdict.law,
    )


def verdict_to_pb(request_id: str, verdict: Verdict) -> pb.CheckQuestionResponse:
    return pb.CheckQuestionResponse(
        request_id=request_id,
        allowed=verdict.allowed,
        category=verdict.category,
        category_name=verdict.name,
        rule=RULES[verdict.rule],
        reason=verdict.reason,
        rewrite=verdict.rewrite,
        jurisdictions=verdict.jurisdictions,
    )
