"""The engine as the server sees it: rows in, streams out, whatever happens to the processes behind."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from askwell_manifest import ManifestError, read_manifest

from ..errors import AskwellError, DeadlinePassed, NotSupported, QueueFull, ServerFault, Unavailable
from .config import EngineConfig
from .device import Device, Running
from .folder import ModelRefused
from .messages import Batch, BatchRow
from .planner import Limits, forced_tokens, plan
from .protocol import RowStream
from .queue import WaitingQueue
from .row import Load, Reason, Row
from .ticket import Boarding, Ticket
from .tokenizer import Tokenizer

log = logging.getLogger(__name__)

_RESTART_S = 2.0  # what a client is told to wait while a process restarts
_LONGEST_RETRY_S = 30.0


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What the engine turned out to compute in, and where: "cpu" or "cuda:N"."""

    compute_type: str
    devices: tuple[str, ...]


class LiveEngine:
    """Queue, planner and one engine process per device, in one event loop.

        engine = LiveEngine(EngineConfig(model_dir=Path("models/smollm2")))
        await engine.start()
        (stream,) = engine.submit([Row(prompt=ids, options=Options(), max_new_tokens=64)])
        async for event in stream: ...
        await engine.drain()
        await engine.close()

    Every admitted row ends: with a Finish, or with an AskwellError raised while iterating.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._queue = WaitingQueue(config.queue_limit)
        self._devices = [Device(name, config, self) for name in config.devices]
        self._tickets: dict[Ticket, asyncio.TimerHandle | None] = {}  # admitted and not ended, with deadline
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False
        self._was_ready = False
        self._dispatching = False
        self._callbacks: list[Callable[[], None]] = []
        self._batch_id = 0
        self._batch_s = 1.0  # how long a batch takes, smoothed
        self._facts: EngineFacts | None = None
        self.tokenizer: Tokenizer

    async def start(self) -> None:
        """Start every process and wait for all. Raises ModelRefused with one line; nothing stays behind."""
        try:
            manifest = read_manifest(self._config.model_dir)
        except ManifestError as error:
            raise ModelRefused(str(error)) from None
        self.tokenizer = Tokenizer.from_folder(self._config.model_dir, manifest)
        try:
            async with asyncio.TaskGroup() as group:
                for device in self._devices:
                    group.create_task(device.start())
        except BaseException as error:
            await self.close()
            refusal = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
            raise refusal from None
        ready = [device.ready for device in self._devices if device.ready]
        self._facts = EngineFacts(ready[0].compute_type, tuple(r.device for r in ready))
        self.on_device_change()

    @property
    def facts(self) -> EngineFacts:
        """Known once started."""
        assert self._facts is not None, "the engine is not started"
        return self._facts

    @property
    def ready(self) -> bool:
        """Whether at least one process is ready and rows are admitted."""
        return not self._draining and any(device.ready for device in self._devices)

    @property
    def pids(self) -> list[int]:
        """The engine processes there are."""
        return [device.pid for device in self._devices if device.pid is not None]

    def on_change(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called in the event loop whenever ``ready`` has changed."""
        self._callbacks.append(callback)

    def load(self) -> Load:
        running = [t for d in self._devices if d.running for t in d.running.tickets if not t.ended]
        return Load(
            queued_rows=len(self._queue),
            running_rows=len(running),
            queue_limit=self._queue.limit,
            ready_engines=sum(device.ready is not None for device in self._devices),
            engines=len(self._devices),
        )

    def submit(self, rows: Sequence[Row]) -> list[RowStream]:
        """Admit all rows or none. Raises QueueFull, Unavailable or NotSupported."""
        self._check_admission(rows)
        now = time.monotonic()
        tickets = [self._ticket(row, now) for row in rows]
        self._queue.append(ticket for ticket in tickets if not ticket.ended)
        self._schedule_dispatch()
        return [ticket.stream for ticket in tickets]

    async def drain(self) -> None:
        """Admit nothing more and wait until every admitted row has ended."""
        self._draining = True
        self._tell_readiness()
        await self._idle.wait()

    async def close(self) -> None:
        """End every process. Rows that are not finished end with Unavailable."""
        self._draining = True
        self._queue.clear()
        for ticket in list(self._tickets):
            self._fail(ticket, Unavailable("the server is shutting down", retry_s=_RESTART_S))
        await asyncio.gather(*(device.close() for device in self._devices))
        self._tell_readiness()

    # What devices tell.

    def on_device_change(self) -> None:
        self._tell_readiness()
        if self._devices and all(device.ready is None and device.backoff_s for device in self._devices):
            wait_s = min(device.backoff_s for device in self._devices) + _RESTART_S
            for ticket in self._queue.clear():
                self._fail(ticket, Unavailable("the engine does not start", retry_s=wait_s))
        self._schedule_dispatch()

    def on_batch_done(self, running: Running) -> None:
        self._batch_s += 0.2 * (time.monotonic() - running.started_s - self._batch_s)

    def on_batch_lost(self, running: Running, why: str, *, died: bool) -> None:
        """Run the rows again that have shown nothing yet, once; fail the others."""
        again = []
        for ticket in running.tickets:
            if ticket.ended:
                continue
            if not ticket.has_tokens and not ticket.retried:
                ticket.retried, ticket.boarding = True, None
                again.append(ticket)
            elif died:
                self._fail(ticket, Unavailable("the engine process died", retry_s=_RESTART_S))
            else:
                self._fail(ticket, ServerFault(f"the engine failed ({why.partition(':')[0]})"))
        self._queue.put_back(again)

    # Admission and the ways out.

    def _check_admission(self, rows: Sequence[Row]) -> None:
        if self._draining:
            raise Unavailable("the server is shutting down", retry_s=_RESTART_S)
        if not self.ready:
            wait_s = min((device.backoff_s for device in self._devices), default=0.0)
            raise Unavailable("the engine is not ready", retry_s=wait_s + _RESTART_S)
        if any(row.options.logprobs and row.options.num_beams > 1 for row in rows):
            raise NotSupported("log-probabilities of tokens are not available with beams")
        if not self._queue.has_room(len(rows)):
            raise QueueFull(
                f"{len(self._queue)} rows wait and at most {self._queue.limit} may", retry_s=self._retry_s()
            )

    def _retry_s(self) -> float:
        """Roughly when the rows that wait now will have started."""
        engines = max(1, sum(device.ready is not None for device in self._devices))
        batches = math.ceil(len(self._queue) / (self._config.max_batch_rows * engines))
        return min(max(1, batches) * self._batch_s, _LONGEST_RETRY_S)

    def _ticket(self, row: Row, now: float) -> Ticket:
        ticket = Ticket(
            row,
            self.tokenizer,
            admitted_s=now,
            coalesce_s=self._config.coalesce_s,
            on_cancel=self._cancel,
            on_end=self._ended,
        )
        timer = None
        if row.deadline_s is not None:
            if row.deadline_s <= now:
                ticket.fail(DeadlinePassed("the deadline passed before the request was admitted"))
                return ticket
            timer = asyncio.get_running_loop().call_later(row.deadline_s - now, self._expire, ticket)
        self._tickets[ticket] = timer
        self._idle.clear()
        return ticket

    def _cancel(self, ticket: Ticket) -> None:
        ticket.finish(Reason.CANCELLED)
        self._leave(ticket)

    def _expire(self, ticket: Ticket) -> None:
        if ticket.boarding is None:
            ticket.fail(DeadlinePassed("the deadline passed while the request waited"))
        else:
            ticket.finish(Reason.TIME_LIMIT)
        self._leave(ticket)

    def _fail(self, ticket: Ticket, error: AskwellError) -> None:
        ticket.fail(error)
        self._leave(ticket)

    def _leave(self, ticket: Ticket) -> None:
        """Take an ended row out of the queue, or out of its batch."""
        self._queue.remove(ticket)
        for device in self._devices:
            device.drop(ticket)

    def _ended(self, ticket: Ticket) -> None:
        timer = self._tickets.pop(ticket, None)
        if timer is not None:
            timer.cancel()
        if not self._tickets:
            self._idle.set()

    # Planning.

    def _schedule_dispatch(self) -> None:
        """Plan once this turn of the event loop is over, with everything that was submitted in it."""
        if not self._dispatching:
            self._dispatching = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._dispatching = False
        free = [device for device in self._devices if device.free]
        while free and len(self._queue):
            share = math.ceil(len(self._queue) / len(free))
            self._board(free.pop(), min(share, self._config.max_batch_rows))

    def _board(self, device: Device, max_rows: int) -> None:
        """Plan a batch and start it on a free device."""
        waiting = list(self._queue)
        limits = Limits(max_rows, self._config.max_batch_tokens)
        chosen = plan([t.row for t in waiting], limits, self._config.cost_model)
        tickets = [waiting[i] for i in chosen.indices]
        rows = [ticket.row for ticket in tickets]
        now = time.monotonic()
        for ticket, forced in zip(tickets, forced_tokens(rows), strict=True):
            self._queue.remove(ticket)
            ticket.boarding = Boarding(now, chosen.prefix, forced, len(rows))
        self._batch_id += 1
        tails = (BatchRow(row.prompt[chosen.prefix :], row.max_new_tokens) for row in rows)
        prefix = rows[0].prompt[: chosen.prefix]
        device.run(Batch(self._batch_id, prefix, tuple(tails), rows[0].options), tickets)

    def _tell_readiness(self) -> None:
        if self.ready != self._was_ready:
            self._was_ready = self.ready
            for callback in self._callbacks:
                callback()
