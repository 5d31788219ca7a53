"""One device, and the engine process that is kept running on it."""

import asyncio
import logging
import signal
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from ..child import Child, ChildExited
from .config import EngineConfig
from .correction import Correction
from .cost import CostModel
from .folder import ModelRefused
from .messages import Batch, Cancel, Cut, Done, Failed, Ping, Quit, Ready, Step
from .planner import Limits
from .running import Running
from .spawn import spawn
from .ticket import Ticket
from .watch import SILENCE_S, TICK_S, is_stuck

log = logging.getLogger(__name__)

_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0
# Rows leave a batch at their next token: a beam search has none before its end, a long prefill none for long.
_ABANDONED_S = 30.0
_CACHE_SHARE = 0.4  # of the free memory: every step copies the cache, so twice as much is in use
_LEAST_TOKENS = 8192  # where memory is unknown


class DeviceOwner(Protocol):
    """Whom a device tells."""

    def on_device_change(self) -> None:
        """A device became ready, free or lost: plan again."""

    def on_batch_done(self, device: "Device", running: Running) -> None:
        """The engine is through with a batch: every row has ended, or was cut."""

    def on_batches_lost(
        self, device: "Device", lost: Sequence[Running], code: int | None, cause: Running | None
    ) -> None:
        """The process died, with these batches. No code: we ended it, ``cause`` being stuck if it is one."""

    def on_batch_failed(self, device: "Device", running: Running, failed: Failed) -> None:
        """A batch broke off; the process goes on."""


class Device:
    """Spawns the process, feeds it a batch per lane, and replaces it when it dies.

    A process that died after it was given a batch is replaced at once, one that died before only after a
    pause that doubles each time: it would most likely die again. A process that does not answer, or whose
    batch makes no progress for far longer than predicted, is killed and replaced; so is one that is still
    busy, long after all its rows have ended, with what nobody waits for.
    """

    def __init__(
        self, name: str, config: EngineConfig, prefixes: Sequence[tuple[int, ...]], owner: DeviceOwner
    ) -> None:
        self.name = name
        self.ready: Ready | None = None
        self.running: dict[int, Running] = {}  # by batch id
        self.backoff_s = 0.0
        self.correction: Correction | None = None  # outlives the process
        self.row_limit = config.max_batch_rows  # less after a batch found no memory
        self._config = config
        self._prefixes = tuple(prefixes)
        self._owner = owner
        self._child: Child | None = None
        self._ran_batch = False
        self._heard_s = 0.0
        self._ended = False  # from here
        self._cause: Running | None = None  # for which the process was ended from here
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def free_lanes(self) -> int:
        return self.ready.lanes - len(self.running) if self.ready else 0

    @property
    def cost(self) -> CostModel:
        """What batches cost here, as corrected so far. The device must have been ready once."""
        assert self.correction is not None
        return self.correction.cost

    @property
    def limits(self) -> Limits:
        """Bounds of one batch. Without a setting, the cache of all lanes fits in the memory that is free."""
        tokens = self._config.max_batch_tokens
        if tokens == 0 and self.ready and self.ready.cached_token_bytes and self.ready.free_bytes is not None:
            room = _CACHE_SHARE * self.ready.free_bytes / self.ready.lanes
            tokens = max(1, int(room / self.ready.cached_token_bytes))
        return Limits(self.row_limit, tokens or _LEAST_TOKENS)

    @property
    def most_tokens(self) -> int | None:
        """Tokens that fit into the cache if one row has it all, copy included; None if unknown."""
        ready = self.ready
        if ready is None or not ready.cached_token_bytes or ready.free_bytes is None:
            return None
        return max(1, ready.free_bytes // (2 * ready.cached_token_bytes))

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
        self._tasks = [asyncio.create_task(self._keep_running()), asyncio.create_task(self._watch())]

    def run(self, batch: Batch, tickets: Sequence[Ticket], seconds: float) -> None:
        """Start a batch that should take so long. A lane must be free."""
        assert self.free_lanes > 0 and self._child is not None
        self._ran_batch, self.backoff_s = True, 0.0
        self.running[batch.batch_id] = Running(batch, tickets, self.cost, seconds)
        self._child.send(batch)

    def cut(self, running: Running) -> None:
        """Have a batch end at its next step; its rows go on in another."""
        assert self._child is not None
        running.cut = True
        self._child.send(Cut(running.batch.batch_id))

    def drop(self, ticket: Ticket) -> None:
        """End a row of a running batch at its next token."""
        running = next((each for each in self.running.values() if ticket in each.tickets), None)
        if running is None or self._child is None:
            return
        self._child.send(Cancel(running.batch.batch_id, running.tickets.index(ticket)))
        if running.abandoned is None and not running.live:
            self._give_up_later(running)

    async def close(self) -> None:
        """Let the process finish what it runs and end; kill it if it takes too long to."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
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
        for running in self.running.values():
            running.stop_waiting()
        self.running.clear()

    def _give_up_later(self, running: Running) -> None:
        allowed_s = max(_ABANDONED_S, 2 * running.next_gap_s)
        running.abandoned = asyncio.get_running_loop().call_later(allowed_s, self._give_up, running)

    def _give_up(self, running: Running) -> None:
        if self.running.get(running.batch.batch_id) is not running:
            return
        if any(each.live for each in self.running.values()):  # they would die with it
            self._give_up_later(running)
            return
        log.warning("the engine process on %s is still busy with a batch nobody waits for", self.name)
        self._end(None)

    def _end(self, cause: Running | None) -> None:
        """End the process; another starts. Nothing is sent to it any more."""
        if self._child is not None and not self._ended:
            self._ended, self._cause, self.ready, self.backoff_s = True, cause, None, 0.0
            self._child.kill()
            self._owner.on_device_change()

    async def _spawn(self) -> None:
        """Raises ModelRefused, or ChildExited when the process dies while it loads."""
        self._ran_batch = False
        cost = self.correction.cost if self.correction else self._config.cost_model
        self._child, ready = await spawn(self.name, self._config, self._prefixes, cost)
        self._take_ready(ready)

    def _take_ready(self, ready: Ready) -> None:
        self.ready = ready
        self._heard_s = time.monotonic()
        # A process that replaces another does as its forerunner chose, and measures nothing again.
        self._config = replace(self._config, intra_threads=ready.threads, inter_threads=ready.lanes)
        self.correction = self.correction or Correction(ready.cost)
        log.info(
            "engine ready on %s, %s, %d × %d threads",
            ready.device,
            ready.compute_type,
            ready.lanes,
            ready.threads,
        )

    async def _keep_running(self) -> None:
        while True:
            try:
                await self._receive()
            except ChildExited as exit:
                self._lost(exit.code)
            except Exception as error:  # a bug of ours, which must not leave the device without a keeper
                where = traceback.format_tb(error.__traceback__)[-1].strip()
                log.error("internal error beside the engine: %s\n%s", type(error).__name__, where)
                self._end(None)
                continue
            while self.ready is None:
                await asyncio.sleep(self.backoff_s)
                try:
                    await self._spawn()
                except Exception as error:
                    log.error("the engine process on %s does not start: %s", self.name, error)
                    self._back_off()
            self._owner.on_device_change()

    async def _receive(self) -> None:
        """Handle messages until the process dies."""
        assert self._child is not None
        while True:
            message = await self._child.recv()
            self._heard_s = time.monotonic()
            if isinstance(message, Step | Done | Failed):
                self._take(message)

    def _take(self, message: Step | Done | Failed) -> None:
        running = self.running.get(message.batch_id)
        if running is None:
            return
        if isinstance(message, Step):
            for ticket in running.take(message):
                self.drop(ticket)
            return
        del self.running[message.batch_id]
        running.stop_waiting()
        if isinstance(message, Failed):
            log.error("a batch of %d rows failed: %s", len(running.tickets), message.message)
            if message.out_of_memory and len(running.tickets) > 1:
                self.row_limit = max(1, len(running.tickets) // 2)
            self._owner.on_batch_failed(self, running, message)
        else:
            if self.correction and (timing := running.timing()):
                self.correction.observe(*timing)
            self._owner.on_batch_done(self, running)
        self._owner.on_device_change()

    def _lost(self, code: int) -> None:
        log.error("the engine process on %s died with code %d; starting another", self.name, code)
        self._child, self.ready = None, None
        lost, self.running = list(self.running.values()), {}
        # What it died of counts, also when it was about to be ended from here.
        real = not self._ended or code != -signal.SIGKILL
        cause, self._ended, self._cause = self._cause, False, None
        if self._ran_batch:
            self.backoff_s = 0.0
        else:
            self._back_off()
        for running in lost:
            running.stop_waiting()
        self._owner.on_batches_lost(self, lost, code if real else None, cause)
        self._owner.on_device_change()

    def _back_off(self) -> None:
        self.backoff_s = min(max(2 * self.backoff_s, _FIRST_BACKOFF_S), _LONGEST_BACKOFF_S)
        self._owner.on_device_change()

    async def _watch(self) -> None:
        """Ask the process whether it lives; kill it when it does not answer or a batch is stuck."""
        while True:
            slept_s = -time.monotonic()
            await asyncio.sleep(TICK_S)
            now_s = time.monotonic()
            slept_s += now_s
            if self.ready is None or self._child is None:
                continue
            self._child.send(Ping())
            if slept_s > 2 * TICK_S:  # we were the ones who were stopped, most likely with everything else
                self._heard_s = now_s
                for each in self.running.values():
                    each.progress_s = now_s
            running = list(self.running.values())
            stuck = [each for each in running if is_stuck(now_s - each.progress_s, each.next_gap_s)]
            if now_s - self._heard_s > SILENCE_S:
                log.error("the engine process on %s has not answered for %.0f s", self.name, SILENCE_S)
                self._end(None)
            elif stuck:
                log.error("a batch on %s makes no progress", self.name)
                self._end(stuck[0])
