"""Who may come in: nobody before the model is loaded, nobody once the server is stopping."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import QueueFull, Unavailable

# A call may hold two documents of 4 MiB; this bounds what a flood of calls can make the process hold.
CALLS_LIMIT = 1024
RETRY_S = 1.0


class Gate:
    """Counts the calls under way. Health and reflection do not pass through it."""

    def __init__(self, limit: int = CALLS_LIMIT) -> None:
        self._limit = limit
        self._inside = 0
        self._refusal: str | None = "the model is still loading"
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def inside(self) -> int:
        return self._inside

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Hold one place while a call runs. Raises Unavailable unless open, QueueFull when crowded."""
        if self._refusal:
            raise Unavailable(self._refusal, retry_s=RETRY_S)
        if self._inside >= self._limit:
            raise QueueFull(f"{self._limit} calls are under way, which is the limit", retry_s=RETRY_S)
        self._inside += 1
        self._empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    def open(self) -> None:
        self._refusal = None

    def close(self) -> None:
        self._refusal = "the server is shutting down"

    async def emptied(self, timeout_s: float) -> bool:
        """Wait until no call is under way. False when it takes longer than ``timeout_s``."""
        try:
            await asyncio.wait_for(self._empty.wait(), timeout_s)
        except TimeoutError:
            return False
        return True
