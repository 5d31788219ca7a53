"""One follow-up: what the answer was like, what the model makes of it, and what is asked in the end.

The answer goes to a domain worker and, without personal data and cut short, into a prompt; it is nowhere
else, in no log and in no error.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from askwell.v1 import interview_pb2 as pb
from askwell_interview import OpenFollowUp, Question, Source, Suggestion

from ..domain.pool import DomainPool
from ..domain.task import HearAnswer, JudgeFollowUp
from ..engine.row import Finish
from ..errors import AskwellError, Unavailable
from .collect import finishes_of, held
from .interview_pb import SOURCES, answered_from_pb
from .rubric_pb import TRIGGERS
from .served import Served
from .validate import FOLLOW_UP_NUM_RETURN, Checks
from .verdict_pb import guard_to_pb, jurisdictions_from_pb
from .writing import Writing, log_probabilities_of, rows_of, writing_from_pb

log = logging.getLogger(__name__)

# The second round draws twice the samples.
ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Answered:
    """The caller's question, what was answered, whose law counts, and how the model is to write."""

    question: Question
    answer: str
    jurisdictions: frozenset[str]
    writing: Writing


def answer_from_pb(request: pb.SuggestFollowUpRequest, served: Served, deadline_s: float | None) -> Answered:
    """Raises ModelNotFound, InvalidRequest with every violation, or NotSupported."""
    served.answer_to(request.model)
    checks = Checks()
    question = answered_from_pb(request.question, checks)
    if not request.answer.strip():
        checks.refuse("answer", "must not be empty")
    jurisdictions = jurisdictions_from_pb(request, checks)
    writing = writing_from_pb(request, served, checks, FOLLOW_UP_NUM_RETURN, deadline_s)
    return Answered(question, request.answer, jurisdictions, writing)


async def suggest(answered: Answered, served: Served, pool: DomainPool) -> tuple[Suggestion, Counter[str]]:
    """The follow-up, and how many texts each check refused. Like an interview's questions it ends with a
    written one when the engine fails or the deadline nears."""
    if not served.engine.ready:
        raise Unavailable("the model is not ready", retry_s=1.0)
    writing = answered.writing
    style = served.manifest.prompt_style
    heard = HearAnswer(answered.question, answered.answer, style, answered.jurisdictions)
    opened = await pool.run(heard)
    rows = await asyncio.to_thread(rows_of, opened.prompt, writing, served)
    streams = served.engine.submit(rows) if rows else ()
    refused: Counter[str] = Counter()
    rounds = 1 if writing.options.greedy else ROUNDS
    with suppress(TimeoutError):
        async with asyncio.timeout_at(writing.bank_at_s):
            try:
                for attempt in range(rounds if rows else 0):
                    if attempt:
                        streams = served.engine.submit([*rows, *rows])
                    with held(streams):
                        finishes = await finishes_of(streams)
                    suggestion, counts = await _judged(opened, finishes, pool)
                    refused.update(counts)
                    if suggestion:
                        return suggestion, refused
            except AskwellError as error:
                log.debug("request %s is left to the bank: %s", writing.request_id, error.code)
    return opened.written, refused


async def _judged(
    opened: OpenFollowUp, finishes: Sequence[Finish], pool: DomainPool
) -> tuple[Suggestion | None, Mapping[str, int]]:
    texts = tuple(finish.text for finish in finishes)
    judgement = await pool.run(JudgeFollowUp(opened, texts, log_probabilities_of(finishes)))
    return judgement.suggestion, judgement.refused


def suggestion_to_pb(
    request_id: str, model: str, suggestion: Suggestion, refused: Mapping[str, int]
) -> pb.SuggestFollowUpResponse:
    return pb.SuggestFollowUpResponse(
        request_id=request_id,
        model=model if suggestion.source is Source.MODEL else "",
        trigger=TRIGGERS[suggestion.trigger],
        text=suggestion.text,
        source=SOURCES[suggestion.source],
        guard=guard_to_pb(suggestion.guard),
        refused=refused,
        prompt_version=suggestion.prompt_version,
    )
