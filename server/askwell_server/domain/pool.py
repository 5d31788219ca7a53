"""A few domain workers, each replaced when it dies or takes too long."""

import asyncio
import logging
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from ..child import Child, ChildExited
from ..errors import AskwellError, InvalidRequest, ServerFault, Unavailable
from .encoder_folder import EncoderRefused
from .task import Task
from .worker import Done, Failed, Reading, Ready, Refused

log = logging.getLogger(__name__)
T = TypeVar("T")

MODULE = "askwell_server.domain.worker"
TASK_LIMIT_S = 10.0
START_LIMIT_S = 60.0
RETRY_S = 1.0
TOO_HEAVY = ("MemoryError", "RecursionError")


class DomainPool:
    """Runs tasks in worker processes, one task per worker at a time.

    ``encoder`` is a sentence encoder's folder; each worker loads it once.
    ``task_limit_s`` is wall clock from when a worker takes the task; waiting for a worker does not count.
    """

    def __init__(
        self, workers: int = 1, encoder: Path | None = None, *, task_limit_s: float = TASK_LIMIT_S
    ) -> None:
        self._count = workers
        self._encoder = _resolved(encoder)
        self._task_limit_s = task_limit_s
        self._idle: asyncio.Queue[Child] = asyncio.Queue()
        self._children: set[Child] = set()
        self._leaving: set[Child] = set()
        self._busy: set[Child] = set()
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def start(self) -> None:
        """Raises ChildExited or TimeoutError when a worker does not come up, EncoderRefused where the
        encoder is why."""
        starting = [self._keep(self._add_worker()) for _ in range(self._count)]
        await asyncio.gather(*(asyncio.shield(task) for task in starting))

    async def run(self, task: Task[T]) -> T:
        """The task's result.

        Raises InvalidRequest for input that the domain refuses or that a worker did not survive,
        Unavailable when closed or when a worker died over nothing, ServerFault for a bug. A caller that is
        cancelled leaves the worker to finish, which is cheaper than a new one.
        """
        if self._closed:
            raise _closing()
        while (child := await self._idle.get()) in self._leaving:
            self._leaving.discard(child)
        self._busy.add(child)
        result: T = await asyncio.shield(self._keep(self._exchange(child, task)))
        return result

    @property
    def encoder(self) -> Path | None:
        """The folder of the encoder that every new worker loads, without a symbolic link in it."""
        return self._encoder

    async def change_encoder(self, encoder: Path | None) -> None:
        """Give every worker another encoder, one worker after the other: a new one starts, an old one goes
        when it has done what it is at. Call it again only when it has returned.

        Raises as ``start`` does when the first does not come up, and nothing has changed then.
        """
        before, self._encoder = self._encoder, _resolved(encoder)
        for number, old in enumerate([*self._children]):
            try:
                await self._add_worker()
            except (ChildExited, TimeoutError, OSError, EncoderRefused):
                if number == 0:
                    self._encoder = before
                    raise
                self._keep(self._renew())
            self._leaving.add(old)
            if old not in self._busy:
                await self._end(old)

    async def close(self) -> None:
        """End every worker. Nothing is cancelled: what waits for a worker sees it end."""
        self._closed = True
        for child in self._children:
            child.kill()
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)
        await asyncio.gather(*(child.wait() for child in self._children))

    def _keep(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run on, whether or not anybody waits for the end."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not complain when the caller has left

    async def _add_worker(self) -> None:
        child = await Child.spawn(MODULE, [str(self._encoder)] if self._encoder else [])
        self._children.add(child)
        if self._closed:
            child.kill()
        try:
            async with asyncio.timeout(START_LIMIT_S):
                ready: Ready | Refused = await child.recv()
            if isinstance(ready, Refused):
                raise EncoderRefused(ready.message)
        except (ChildExited, TimeoutError, EncoderRefused):
            child.kill()
            raise
        log.debug("domain worker %d: %s", child.pid, ready)
        self._idle.put_nowait(child)

    async def _exchange(self, child: Child, task: Task[Any]) -> Any:
        reading = ""
        try:
            child.send(task)
            async with asyncio.timeout(self._task_limit_s):
                while isinstance(reply := await child.recv(), Reading):
                    reading = reply.field
        except TimeoutError:
            await self._replace(child)
            raise _blamed(reading, f"could not be read within {self._task_limit_s:g} s") from None
        except ChildExited as exit:
            if self._closed:
                raise _closing() from None
            log.warning("a domain worker ended with code %d", exit.code)
            await self._replace(child)
            raise _blamed(reading, "could not be read: its reader broke down") from None
        self._busy.discard(child)
        if child in self._leaving:
            self._leaving.discard(child)
            await self._end(child)
        else:
            self._idle.put_nowait(child)
        return _value(reply, reading)

    async def _replace(self, child: Child) -> None:
        self._busy.discard(child)
        await self._end(child)
        if child in self._leaving:
            self._leaving.discard(child)
        else:
            self._keep(self._renew())

    async def _end(self, child: Child) -> None:
        child.kill()
        await child.wait()
        self._children.discard(child)

    async def _renew(self) -> None:
        while not self._closed:
            try:
                await self._add_worker()
                return
            except (ChildExited, TimeoutError, OSError, EncoderRefused) as error:
                log.error("cannot start a domain worker, trying again: %s", error)
                await asyncio.sleep(RETRY_S)


def _resolved(encoder: Path | None) -> Path | None:
    """A worker that is replaced later must load what the others have, wherever a link points by then."""
    return Path(os.path.realpath(encoder)) if encoder else None


def _closing() -> Unavailable:
    return Unavailable("the server is shutting down", retry_s=RETRY_S)


def _value(reply: Any, reading: str) -> Any:
    match reply:
        case Done(value):
            return value
        case Refused(field, message):
            raise InvalidRequest.of(field, message)
        case Failed(kind) if kind in TOO_HEAVY:
            raise _blamed(reading, "is too large or too deeply nested to be read")
        case Failed(kind, where):
            log.error("a domain task failed: %s\n%s", kind, where)
            raise ServerFault(f"internal error while working on the documents ({kind})")
    raise ServerFault("a domain worker gave no answer")


def _blamed(reading: str, description: str) -> AskwellError:
    """The document that was being read is at fault; without one, another try may go well."""
    if reading:
        return InvalidRequest.of(reading, description)
    return Unavailable("a document worker broke down", retry_s=RETRY_S)
