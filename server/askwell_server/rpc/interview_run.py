"""One interview from documents to finished questions: plan, write, judge, retry, fall back.

    open (domain worker) → rows for every planned item, admitted together → plan goes out →
    per item: samples finish → judge (domain worker) → question, or two more rounds, or the bank

Until the rows are admitted nothing is sent and everything can be refused. From then on every planned item
ends with a question: when the engine fails, the deadline nears or the judge breaks down, the written bank
answers, and the question says so.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TypeAlias

from askwell_interview import Interview, Question, Source, bank_question

from ..domain.pool import DomainPool
from ..domain.task import Judge, Opened, OpenInterview
from ..engine.protocol import RowStream
from ..engine.row import Finish, Row
from ..errors import AskwellError, InvalidRequest, Unavailable
from .collect import finishes_of, held
from .served import Served
from .writing import Writing, as_many_as_fit, log_probabilities_of, rows_of

log = logging.getLogger(__name__)

# Rounds after the first draw twice the samples: few items are left, and a batch has room for them.
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller wants: the interview to open, and how the model is to write."""

    interview: OpenInterview
    writing: Writing


@dataclass(frozen=True, slots=True)
class Finished:
    """A question, and when it was finished, in seconds from the request's arrival."""

    question: Question
    finished_s: float


@dataclass(slots=True)
class Summary:
    """How the whole request went. The fields are those of the API's Summary."""

    model_questions: int = 0
    bank_questions: int = 0
    given_questions: int = 0
    plan_s: float = 0.0
    write_s: float = 0.0
    first_question_s: float = 0.0
    new_tokens: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    minutes: int = 0


Event: TypeAlias = Opened | Finished | Summary


class InterviewRun:
    """Runs once: ``events`` gives what was opened, then each question, then the summary."""

    def __init__(self, served: Served, pool: DomainPool, asked: Asked) -> None:
        self._served = served
        self._pool = pool
        self._asked = asked
        self._summary = Summary()
        self._taken: list[str] = []
        self._judging = asyncio.Lock()

    async def events(self) -> AsyncGenerator[Event, None]:
        if not self._served.engine.ready:
            raise Unavailable("the model is not ready", retry_s=1.0)
        opened = await self._pool.run(self._asked.interview)
        interview, summary = opened.interview, self._summary
        # In a thread: dozens of prompts would hold up every token stream.
        rows = await asyncio.to_thread(self._rows, interview)
        if not self._asked.writing.samples:
            rows = as_many_as_fit(rows, self._asked.writing, self._served.engine)
        summary.plan_s = planned_s = monotonic() - self._asked.writing.arrived_s
        summary.minutes = interview.plan.minutes
        summary.given_questions, summary.bank_questions = len(interview.given), len(interview.written)
        streams = self._admit(rows)
        with held([stream for admitted in streams.values() for stream in admitted]):
            yield opened
            for question in (*interview.given, *interview.written):
                self._taken.append(question.text)
                yield self._finished(question)
            async with aclosing(self._write(interview, rows, streams)) as written:
                async for finished in written:
                    yield finished
        summary.write_s = monotonic() - self._asked.writing.arrived_s - planned_s
        yield summary

    def _rows(self, interview: Interview) -> dict[str, list[Row]]:
        return {
            item: rows_of(interview.prompt(item), self._asked.writing, self._served)
            for item in interview.open_items
        }

    def _admit(self, rows: dict[str, list[Row]]) -> dict[str, list[RowStream]]:
        """Submit everything at once, so that the planner sees which prompts share a prefix."""
        together = [row for item_rows in rows.values() for row in item_rows]
        limit = self._served.engine.queue_limit
        if len(together) > limit:
            told = f"count × num_return makes {len(together)} rows; this server's queue holds {limit}"
            raise InvalidRequest.of("num_return" if self._asked.writing.samples else "count", told)
        streams = iter(self._served.engine.submit(together) if together else ())
        return {item: [next(streams) for _ in item_rows] for item, item_rows in rows.items()}

    async def _write(
        self, interview: Interview, rows: dict[str, list[Row]], streams: dict[str, list[RowStream]]
    ) -> AsyncGenerator[Finished, None]:
        """All open items at once; each comes out when it is finished."""
        tasks = [asyncio.create_task(self._item(interview, item, rows[item], streams[item])) for item in rows]
        try:
            for task in asyncio.as_completed(tasks):
                yield self._finished(await task)
        finally:
            for running in tasks:
                running.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _item(
        self, interview: Interview, item: str, rows: Sequence[Row], streams: Sequence[RowStream]
    ) -> Question:
        question, texts = None, list[str]()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._asked.writing.bank_at_s):
                question = await self._written(interview, item, rows, streams, texts)
        if question is None:
            question = bank_question(interview, item, tuple(self._taken))
            self._taken.append(question.text)
        if question.source is Source.MODEL:
            self._summary.model_questions += 1
        else:
            self._summary.bank_questions += 1
        model = self._served.name if question.source is Source.MODEL else ""
        return replace(question, attempts=len(texts), model=model)

    async def _written(
        self,
        interview: Interview,
        item: str,
        rows: Sequence[Row],
        streams: Sequence[RowStream],
        texts: list[str],
    ) -> Question | None:
        """The model's question, from as many rounds as it takes and is worth; None for the bank.

        ``texts`` gathers what the model wrote, also when the deadline cuts this short.
        """
        rounds = 1 if self._asked.writing.options.greedy else ROUNDS
        try:
            for attempt in range(rounds if rows else 0):
                if attempt:
                    streams = self._served.engine.submit([*rows, *rows])
                with held(streams):
                    finishes = await finishes_of(streams)
                self._summary.new_tokens += sum(finish.usage.new_tokens for finish in finishes)
                texts += [finish.text for finish in finishes]
                if question := await self._judged(interview, item, finishes):
                    return question
        except AskwellError as error:
            log.debug(
                "request %s: %s is left to the bank: %s", self._asked.writing.request_id, item, error.code
            )
        return None

    async def _judged(self, interview: Interview, item: str, finishes: Sequence[Finish]) -> Question | None:
        """One at a time, so that no two items settle on the same question."""
        texts = tuple(finish.text for finish in finishes)
        async with self._judging:
            task = Judge(interview, item, texts, tuple(self._taken), log_probabilities_of(finishes))
            judgement = await self._pool.run(task)
            self._summary.refused.update(judgement.refused)
            if judgement.question:
                self._taken.append(judgement.question.text)
            return judgement.question

    def _finished(self, question: Question) -> Finished:
        finished_s = monotonic() - self._asked.writing.arrived_s
        summary = self._summary
        summary.first_question_s = summary.first_question_s or finished_s
        return Finished(question, finished_s)
