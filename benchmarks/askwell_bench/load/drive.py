"""Sending work to a server on time, and noting what comes back and when."""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from askwell_client import (
    AskwellError,
    AsyncClient,
    BatchItem,
    Delta,
    FinishReason,
    Question,
    Sample,
    UnavailableError,
)
from askwell_client import Summary as InterviewSummary

from .patience import Patience
from .record import FEWER_QUESTIONS, OK, UNFINISHED, Record
from .workload import Continuation, Interview, PromptSet, Work

_TICK_S = 0.01


class ServerGone(Exception):
    """Nothing answers any more; what was measured so far is worth keeping."""


class Drive:
    """One level of load. ``records`` and ``loop_lags_s`` grow while it runs and survive its failure.

    The client must not retry: a second attempt would hide a refusal and stretch a latency. ``tenant`` is
    whose requests they are. With ``patience`` the level ends as soon as too many requests have missed their
    limits, and ``gave_up`` tells so.
    """

    def __init__(
        self, client: AsyncClient, timeout_s: float, tenant: str = "", patience: Patience | None = None
    ) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._who: dict[str, Any] = {"tenant": tenant} if tenant else {}
        self._patience = patience
        self._under_way: set[_Notes] = set()
        self.gave_up = False
        self.records: list[Record] = []
        self.loop_lags_s: list[float] = []
        self.cpu_s = 0.0
        """Processor time that the generator itself used."""

    async def closed(self, work: Sequence[Work], concurrency: int) -> str | None:
        """So many requests at any time; the next is due when one ends. Returns why it ended early, if so."""
        waiting = iter(work)

        async def slot() -> None:
            for each in waiting:
                await self._ask(each, _now_s())

        async def send() -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(concurrency):
                    group.create_task(slot())

        return await self._guarded(send())

    async def open(self, work: Sequence[Work], offsets_s: Sequence[float]) -> str | None:
        """Each request when it is due, however many are under way. Returns why it ended early, if so."""

        async def send() -> None:
            start_s = _now_s()
            async with asyncio.TaskGroup() as group:
                for each, offset_s in zip(work, offsets_s, strict=True):
                    scheduled_s = start_s + offset_s
                    await asyncio.sleep(max(0.0, scheduled_s - _now_s()))
                    group.create_task(self._ask(each, scheduled_s))

        return await self._guarded(send())

    async def _guarded(self, sending: Coroutine[Any, Any, None]) -> str | None:
        """Run with a clock beside it. Ctrl-C (to asyncio a cancellation) ends the run, and keeps its data."""
        reason = None
        used_s = time.process_time()
        task = asyncio.create_task(sending)
        ticking = asyncio.create_task(self._tick(task))
        try:
            try:
                await task
            except* ServerGone as gone:
                reason = str(gone.exceptions[0])
        except asyncio.CancelledError:
            if (outer := asyncio.current_task()) and outer.cancelling():  # else it is ``_tick`` that gave up
                reason = "interrupted"
                await _cancelled(task)
                outer.uncancel()
        finally:
            ticking.cancel()
            self.cpu_s += time.process_time() - used_s
        return reason

    async def _tick(self, sending: asyncio.Task[None]) -> None:
        """Whoever makes this late makes every arrival time late: the event loop, or a CPU without room."""
        while True:
            due_s = _now_s() + _TICK_S
            await asyncio.sleep(_TICK_S)
            self.loop_lags_s.append(_now_s() - due_s)
            waiting_s = [_now_s() - notes.scheduled_s for notes in self._under_way]
            if self._patience and self._patience.exhausted(self.records, waiting_s) and not self.gave_up:
                self.gave_up = True
                sending.cancel()

    async def _ask(self, work: Work, scheduled_s: float) -> None:
        notes = _Notes(scheduled_s)
        self._under_way.add(notes)
        failure: AskwellError | None = None
        try:
            if isinstance(work, Continuation):
                await self._continue(work, notes)
            elif isinstance(work, PromptSet):
                await self._prompt_set(work, notes)
            else:
                await self._interview(work, notes)
        except AskwellError as error:
            failure, notes.status = error, error.status.name
        except asyncio.CancelledError:
            notes.status = "CANCELLED"
            raise
        finally:
            self._under_way.remove(notes)
            self.records.append(notes.record())
        if isinstance(failure, UnavailableError):
            await self._find_out(failure)

    async def _continue(self, work: Continuation, notes: "_Notes") -> None:
        events = self._client.stream(
            work.prompt, temperature=0.0, token_ids=True, timeout_s=self._timeout_s,
            max_new_tokens=work.new_tokens, min_new_tokens=work.min_new_tokens, **self._who,
        )  # fmt: skip
        async for event in events:
            if isinstance(event, Delta):
                notes.arrive(len(event.token_ids))
            elif isinstance(event, Sample):
                notes.sample(event)

    async def _prompt_set(self, work: PromptSet, notes: "_Notes") -> None:
        items = self._client.generate_batch(
            work.prompts, temperature=0.7, top_k=50, top_p=0.95, timeout_s=self._timeout_s,
            max_new_tokens=work.new_tokens, min_new_tokens=work.new_tokens, **self._who,
        )  # fmt: skip
        async for item in items:
            notes.row(item, len(work.prompts))

    async def _interview(self, work: Interview, notes: "_Notes") -> None:
        events = self._client.stream_questions(
            work.job, work.resume, count=work.count, timeout_s=self._timeout_s
        )
        async for event in events:
            if isinstance(event, Question):
                notes.arrive(1)
            elif isinstance(event, InterviewSummary):
                notes.interview(event, work.count)

    async def _find_out(self, error: UnavailableError) -> None:
        """UNAVAILABLE may pass, as when an engine restarts. Raises ServerGone when nobody is there."""
        try:
            await self._client.health(timeout_s=5.0)
        except AskwellError:
            raise ServerGone(f"the server went away: {error}") from None


async def _cancelled(task: "asyncio.Task[None]") -> None:
    """Once it has ended."""
    task.cancel()
    await asyncio.wait([task])


class _Notes:
    """A record in the making."""

    def __init__(self, scheduled_s: float) -> None:
        self.status = UNFINISHED
        self.scheduled_s = scheduled_s
        self._refused = ""
        self._sent_s = _now_s()
        self._arrivals_s: list[float] = []
        self._messages = 0
        self._found: dict[str, Any] = {}

    def arrive(self, pieces: int) -> None:
        """A message brought so many."""
        if pieces:
            self._arrivals_s += [_now_s()] * pieces
            self._messages += 1

    def sample(self, sample: Sample) -> None:
        whole = sample.finish_reason in (FinishReason.MAX_TOKENS, FinishReason.EOS)
        self.status = OK if whole else sample.finish_reason.value
        timing, usage = sample.timing, sample.usage
        self._found = {
            "prompt_tokens": usage.prompt_tokens,
            "new_tokens": usage.new_tokens,
            "stages_s": {"queue": timing.queue_s, "prefill": timing.prefill_s, "decode": timing.decode_s},
            "server_first_s": timing.first_token_s,
            "batch_rows": usage.batch_size,
            "batches": usage.batches,
            "prefix_tokens": usage.prefix_tokens,
            "forced_tokens": usage.forced_tokens,
            "ended_early": sample.finish_reason is FinishReason.EOS,
        }

    def row(self, item: BatchItem, asked: int) -> None:
        """One of the ``asked`` rows of a set came back. The set is OK when all are whole, else as its first
        that is not."""
        if item.error or not item.generation:
            self._refused = self._refused or (item.error.status.name if item.error else UNFINISHED)
            self.status = self._refused
            return
        self.arrive(1)
        (sample,) = item.generation.samples
        before = self._found
        self.sample(sample)
        if self.status != OK:
            self._refused = self._refused or self.status
        rows = len(self._arrivals_s)
        self.status = self._refused or (OK if rows == asked else UNFINISHED)
        self._found["rows"] = rows
        for name in ("prompt_tokens", "new_tokens", "prefix_tokens", "forced_tokens"):
            self._found[name] += before.get(name, 0)
        self._found["batch_rows"] = max(self._found["batch_rows"], before.get("batch_rows", 0))
        self._found["ended_early"] |= before.get("ended_early", False)
        if before:
            self._found["server_first_s"] = min(self._found["server_first_s"], before["server_first_s"])

    def interview(self, found: InterviewSummary, asked: int) -> None:
        self.status = OK if len(self._arrivals_s) >= asked else FEWER_QUESTIONS
        self._found = {
            "new_tokens": found.new_tokens,
            "stages_s": {"plan": found.plan_s, "write": found.write_s},
            "server_first_s": found.first_question_s,
            "model_questions": found.model_questions,
            "bank_questions": found.bank_questions,
        }

    def record(self) -> Record:
        """The request ends now."""
        return Record(
            scheduled_s=self.scheduled_s,
            sent_s=self._sent_s,
            end_s=_now_s(),
            status=self.status,
            arrivals_s=tuple(self._arrivals_s),
            messages=self._messages,
            **self._found,
        )


def _now_s() -> float:
    return time.perf_counter()
