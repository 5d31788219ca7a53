"""The engine as the server sees it: rows in, streams out, whatever happens to the processes behind."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from askwell_manifest import ManifestError, read_manifest

from ..errors import AskwellError, DeadlinePassed, Unavailable
from .admission import admission
from .config import EngineConfig
from .dispatch import NATURAL, Dispatcher
from .folder import ModelRefused
from .isolation import RESTART_S
from .protocol import RowStream
from .row import Load, Options, Reason, Row
from .statistics import Statistics
from .ticket import Ticket
from .together import together_s
from .tokenizer import Tokenizer

_COALESCE_ROW_S, _COALESCE_CROWD_S = 0.004, 0.1  # for each row, at most
_USUAL_ROW = Row(prompt=(0,) * 128, options=Options(), max_new_tokens=64)


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
        self._dispatcher: Dispatcher | None = None
        self._tickets: dict[Ticket, list[asyncio.TimerHandle]] = {}  # admitted and not ended
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False
        self._was_ready = False
        self._callbacks: list[Callable[[], None]] = []
        self._facts: EngineFacts | None = None
        self.tokenizer: Tokenizer

    async def start(self) -> None:
        """Start every process and wait for all. Raises ModelRefused with one line; nothing stays behind."""
        config = self._config
        try:
            manifest = read_manifest(config.model_dir)
        except ManifestError as error:
            raise ModelRefused(str(error)) from None
        self.tokenizer = Tokenizer.from_folder(config.model_dir, manifest)
        # Without their last token: what follows may join it.
        registered = [self.tokenizer.encode(text, specials=True)[:-1] for text in config.prefixes]
        self._dispatcher = Dispatcher(config, registered, self._fail, self._on_device_change)
        devices = self._dispatcher.devices
        try:
            async with asyncio.TaskGroup() as group:
                for device in devices:
                    group.create_task(device.start())
            ready = [device.ready for device in devices if device.ready]
            _check_budget(sum(map(len, registered)), ready[0].cached_token_bytes, config.prefix_budget_mb)
        except BaseException as error:
            await self.close()
            refusal = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
            raise refusal from None
        self._facts = EngineFacts(ready[0].compute_type, tuple(r.device for r in ready))
        self._dispatcher.statistics.cost = devices[0].cost
        self._on_device_change()

    @property
    def facts(self) -> EngineFacts:
        """Known once started."""
        assert self._facts is not None, "the engine is not started"
        return self._facts

    @property
    def statistics(self) -> Statistics:
        """What it has done since it started."""
        return self._dispatcher.statistics if self._dispatcher else Statistics()

    @property
    def ready(self) -> bool:
        """Whether at least one process is ready and rows are admitted."""
        return not self._draining and self._facts is not None and self._ready_engines > 0

    @property
    def pids(self) -> list[int]:
        """The engine processes there are."""
        devices = self._dispatcher.devices if self._dispatcher else []
        return [device.pid for device in devices if device.pid is not None]

    def on_change(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called in the event loop whenever ``ready`` has changed."""
        self._callbacks.append(callback)

    def load(self) -> Load:
        dispatcher, config = self._dispatcher, self._config
        if dispatcher is None or not self._ready_engines:
            waiting = dispatcher.waiting if dispatcher else 0
            return Load(waiting, 0, config.queue_limit, 0, len(config.devices))
        running = [each for device in dispatcher.devices for each in device.running.values()]
        correction = dispatcher.devices[0].correction
        return Load(
            queued_rows=dispatcher.waiting,
            running_rows=sum(len(each.live) for each in running),
            queue_limit=config.queue_limit,
            ready_engines=self._ready_engines,
            engines=len(config.devices),
            predicted_wait_s=0.0 if dispatcher.room() else dispatcher.wait_s(_USUAL_ROW),
            capacity_tokens_s=dispatcher.lane_tokens_s * dispatcher.lanes,
            prediction_error=correction.error if correction else None,
        )

    def predicted_s(self, rows: Sequence[Row]) -> float:
        """Seconds until all would have ended if they were submitted now; infinite without a device."""
        dispatcher = self._dispatcher
        device = next((each for each in dispatcher.devices if each.ready), None) if dispatcher else None
        if not rows or dispatcher is None or device is None:
            return math.inf if rows else 0.0
        work_s = together_s(
            rows,
            device.cost,
            dispatcher.forecast.expect,
            lanes=dispatcher.lanes,
            row_limit=device.limits.rows,
        )
        return work_s + (0.0 if dispatcher.room() >= len(rows) else dispatcher.wait_s(rows[0]))

    @property
    def queue_limit(self) -> int:
        """Rows that may wait."""
        return self._config.queue_limit

    def submit(self, rows: Sequence[Row]) -> list[RowStream]:
        """Admit all rows or none.

        Raises QueueFull, Unavailable, NotSupported, ServerFault, or InvalidRequest for a row that the
        device's memory cannot hold.
        """
        now_s = time.monotonic()
        self._check_open()
        assert self._dispatcher is not None
        admitted, predicted_s = admission(rows, self._dispatcher, self._config, now_s)
        tickets = [self._ticket(row, now_s) for row, _ in admitted]
        for ticket, (_, share_s) in zip(tickets, admitted, strict=True):
            ticket.share_s, ticket.predicted_s = share_s, predicted_s
        self._dispatcher.admit([ticket for ticket in tickets if not ticket.ended])
        return [ticket.stream for ticket in tickets]

    async def drain(self) -> None:
        """Admit nothing more and wait until every admitted row has ended."""
        self._draining = True
        self._tell_readiness()
        await self._idle.wait()

    async def close(self) -> None:
        """End every process. Rows that are not finished end with Unavailable."""
        self._draining = True
        if self._dispatcher is not None:
            self._dispatcher.clear()
        for ticket in list(self._tickets):
            self._fail(ticket, Unavailable("the server is shutting down", retry_s=RESTART_S))
        if self._dispatcher is not None:
            await self._dispatcher.close()
        self._tell_readiness()

    # Admission and the ways out.

    @property
    def _ready_engines(self) -> int:
        return sum(device.ready is not None for device in self._dispatcher.devices) if self._dispatcher else 0

    def _check_open(self) -> None:
        dispatcher = self._dispatcher
        if self._draining:
            raise Unavailable("the server is shutting down", retry_s=RESTART_S)
        if dispatcher is None or not self.ready:
            wait_s = min((d.backoff_s for d in dispatcher.devices), default=0.0) if dispatcher else 0.0
            raise Unavailable("the engine is not ready", retry_s=wait_s + RESTART_S)

    def _ticket(self, row: Row, now_s: float) -> Ticket:
        ticket = Ticket(
            row,
            self.tokenizer,
            admitted_s=now_s,
            coalesce_s=self._coalesce_s,
            on_cancel=self._cancel,
            on_end=self._ended,
        )
        assert row.deadline_s is not None
        if row.deadline_s <= now_s:
            ticket.fail(DeadlinePassed("the deadline passed before the request was admitted"))
            return ticket
        loop = asyncio.get_running_loop()
        timers = [loop.call_later(row.deadline_s - now_s, self._expire, ticket)]
        if row.limit_s is not None:
            timers.append(loop.call_later(max(0.0, row.limit_s - now_s), self._stop, ticket))
        self._tickets[ticket] = timers
        self._idle.clear()
        return ticket

    def _coalesce_s(self) -> float:
        """How long pieces of a stream wait for one another: longer in a crowd, where every message takes
        from the processors that generate."""
        least_s = self._config.coalesce_s
        return max(least_s, min(len(self._tickets) * _COALESCE_ROW_S, _COALESCE_CROWD_S)) if least_s else 0.0

    def _cancel(self, ticket: Ticket) -> None:
        ticket.finish(Reason.CANCELLED)
        self._leave(ticket)

    def _stop(self, ticket: Ticket) -> None:
        ticket.finish(Reason.TIME_LIMIT)
        self._leave(ticket)

    def _expire(self, ticket: Ticket) -> None:
        ticket.expired = True
        if ticket.has_tokens or (ticket.boarded and ticket.asked.options.num_beams > 1):
            ticket.finish(Reason.TIME_LIMIT)
        else:
            ticket.fail(DeadlinePassed("the deadline passed while the request waited"))
        self._leave(ticket)

    def _fail(self, ticket: Ticket, error: AskwellError) -> None:
        ticket.fail(error)
        self._leave(ticket)

    def _leave(self, ticket: Ticket) -> None:
        if self._dispatcher is not None:
            self._dispatcher.leave(ticket)

    def _ended(self, ticket: Ticket) -> None:
        for timer in self._tickets.pop(ticket, ()):
            timer.cancel()
        if self._dispatcher is not None:
            by_itself = ticket.reason in NATURAL
            self._dispatcher.on_row_ended(ticket, by_itself=by_itself, in_time=not ticket.expired)
        if not self._tickets:
            self._idle.set()

    def _on_device_change(self) -> None:
        self._tell_readiness()
        dispatcher = self._dispatcher
        if dispatcher and all(device.ready is None and device.backoff_s for device in dispatcher.devices):
            wait_s = min(device.backoff_s for device in dispatcher.devices) + RESTART_S
            for ticket in dispatcher.clear():
                self._fail(ticket, Unavailable("the engine does not start", retry_s=wait_s))

    def _tell_readiness(self) -> None:
        if self.ready != self._was_ready:
            self._was_ready = self.ready
            for callback in self._callbacks:
                callback()


def _check_budget(tokens: int, token_bytes: int, budget_mb: int) -> None:
    """Raises ModelRefused when the registered prefixes need more memory than they may."""
    need_mb = tokens * token_bytes / 2**20
    if need_mb > budget_mb:
        raise ModelRefused(
            f"the registered prefixes have {tokens} tokens and need {need_mb:.0f} MB; "
            f"shorten them or allow more with --prefix-budget-mb (now {budget_mb})"
        )
