"""One device, and the engine process that is kept running on it."""

import asyncio
import logging
import time
from typing import Protocol

from ..child import Child, ChildExited
from .config import EngineConfig
from .folder import ModelRefused
from .messages import Batch, Cancel, Done, Failed, Load, Quit, Ready, Refused, Step
from .ticket import Ticket

log = logging.getLogger(__name__)

# Measured with SmolLM2-135M on two cores. malloc: glibc otherwise maps and unmaps every large cache block
# at every step (16 rows at 600 tokens of context: 430–505 ms a step by default, 230 ms so). OpenMP keeps its
# default wait policy: PASSIVE gained nothing or cost a third, ACTIVE cost half at 16 such rows.
ENGINE_ENV = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(16 * 2**30),
    "MALLOC_TOP_PAD_": str(256 * 2**20),
}
_MODULE = "askwell_server.engine.process"
_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0
# Rows leave a batch at their next token: a beam search has none before its end, a long prefill none for long.
_ABANDONED_S = 30.0


class Running:
    """A batch on a device: its tickets by index, and when it began (``time.monotonic()``)."""

    def __init__(self, batch: Batch, tickets: list[Ticket]) -> None:
        self.batch = batch
        self.tickets = tickets
        self.started_s = time.monotonic()
        self.abandoned = False


class DeviceOwner(Protocol):
    """Whom a device tells."""

    def on_device_change(self) -> None:
        """A device became ready, free or lost: plan again."""

    def on_batch_done(self, running: Running) -> None:
        """Every row of a batch has ended."""

    def on_batch_lost(self, running: Running, why: str, *, died: bool) -> None:
        """A batch broke off; ``died`` says whether the process went with it."""


class Device:
    """Spawns the process, feeds it one batch at a time, and replaces it when it dies.

    A process that died after it was given a batch is replaced at once, one that died before only after a
    pause that doubles each time: it would most likely die again. So is one that is still busy, long after
    all its rows have ended, with what nobody waits for.
    """

    def __init__(self, name: str, config: EngineConfig, owner: DeviceOwner) -> None:
        self.name = name
        self.ready: Ready | None = None
        self.running: Running | None = None
        self.backoff_s = 0.0
        self._config = config
        self._owner = owner
        self._child: Child | None = None
        self._ran_batch = False
        self._task: asyncio.Task[None] | None = None

    @property
    def free(self) -> bool:
        return self.ready is not None and self.running is None

    @property
    def pid(self) -> int | None:
        """The engine process's id while there is one."""
        return self._child.pid if self._child else None

    async def start(self) -> None:
        """Spawn the first process and wait until it is ready. Raises ModelRefused."""
        try:
            await self._spawn()
        except OSError as error:
            raise ModelRefused(f"cannot start the engine process for {self.name}: {error}") from None
        except ChildExited as exit:
            raise ModelRefused(
                f"the engine process for {self.name} ended with code {exit.code} while it loaded "
                f"{self._config.model_dir}; it may need more memory"
            ) from None
        self._task = asyncio.create_task(self._keep_running())

    def run(self, batch: Batch, tickets: list[Ticket]) -> None:
        """Start a batch. The device must be free."""
        assert self.free and self._child is not None
        self._ran_batch = True
        self.running = Running(batch, tickets)
        self._child.send(batch)

    def drop(self, ticket: Ticket) -> None:
        """End a row of the running batch at its next token."""
        running = self.running
        if running is None or self._child is None or ticket not in running.tickets:
            return
        self._child.send(Cancel(running.batch.batch_id, running.tickets.index(ticket)))
        if not running.abandoned and all(ticket.ended for ticket in running.tickets):
            running.abandoned = True
            asyncio.get_running_loop().call_later(_ABANDONED_S, self._give_up, running)

    async def close(self) -> None:
        """Let the process finish what it runs and end; kill it if it takes too long to."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.ready = None
        if self._child is None:
            return
        self._child.send(Quit())
        try:
            code = await asyncio.wait_for(self._child.wait(), timeout=10)
        except TimeoutError:
            self._child.kill()
            code = await self._child.wait()
        if code != 0:
            log.warning("the engine process on %s ended with code %d", self.name, code)
        self._child = None

    def _give_up(self, running: Running) -> None:
        if self.running is running and self._child is not None:
            log.warning("the engine process on %s is still busy with a batch nobody waits for", self.name)
            self._child.kill()

    async def _spawn(self) -> None:
        """Raises ModelRefused, or ChildExited when the process dies while it loads."""
        config = self._config
        self._ran_batch = False
        self._child = await Child.spawn(_MODULE, env=ENGINE_ENV)
        try:
            self._child.send(
                Load(
                    model_dir=config.model_dir,
                    device=self.name,
                    compute_type=config.compute_type,
                    intra_threads=config.intra_threads,
                    full_range_ok=config.full_range_ok,
                )
            )
            message = await self._child.recv()
        except BaseException:
            self._child.kill()
            raise
        if isinstance(message, Refused):
            await self._child.wait()
            self._child = None
            raise ModelRefused(message.message)
        assert isinstance(message, Ready)
        self.ready = message
        log.info("engine ready on %s, %s, %d threads", message.device, message.compute_type, message.threads)

    async def _keep_running(self) -> None:
        while True:
            try:
                await self._receive()
            except ChildExited as exit:
                self._lost(exit.code)
            while self.ready is None:
                await asyncio.sleep(self.backoff_s)
                try:
                    await self._spawn()
                except (ChildExited, ModelRefused, OSError) as error:
                    log.error("the engine process on %s does not start: %s", self.name, error)
                    self._back_off()
            self._owner.on_device_change()

    async def _receive(self) -> None:
        """Handle messages until the process dies."""
        assert self._child is not None
        while True:
            message = await self._child.recv()
            if self.running is None or message.batch_id != self.running.batch.batch_id:
                continue
            if isinstance(message, Step):
                self._take(self.running, message)
                continue
            assert isinstance(message, Done | Failed)
            running, self.running = self.running, None
            if isinstance(message, Failed):
                log.error("a batch of %d rows failed: %s", len(running.tickets), message.message)
                self._owner.on_batch_lost(running, message.message, died=False)
            else:
                self._owner.on_batch_done(running)
            self._owner.on_device_change()

    def _take(self, running: Running, step: Step) -> None:
        for token in step.tokens:
            ticket = running.tickets[token.index]
            ticket.take(token.token_id, token.logprob, token.end, step.at_s)
            if ticket.ended and token.end is None:
                self.drop(ticket)

    def _lost(self, code: int) -> None:
        log.error("the engine process on %s died with code %d; starting another", self.name, code)
        self._child, self.ready = None, None
        running, self.running = self.running, None
        if self._ran_batch:
            self.backoff_s = 0.0
        else:
            self._back_off()
        if running is not None:
            self._owner.on_batch_lost(running, f"exit code {code}", died=True)
        self._owner.on_device_change()

    def _back_off(self) -> None:
        self.backoff_s = min(max(2 * self.backoff_s, _FIRST_BACKOFF_S), _LONGEST_BACKOFF_S)
        self._owner.on_device_change()
