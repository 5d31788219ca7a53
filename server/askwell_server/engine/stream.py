"""What the consumer of one row sees: the first piece at once, later ones coalesced, then the end."""

import asyncio
from collections.abc import AsyncIterator, Callable

from ..errors import AskwellError
from .row import Finish, Piece


class LiveRowStream:
    """An unbounded pipe from the engine to one consumer, in one event loop.

    Coalescing spares the consumer a wake-up, and the network a message, per token: after a delivery the next
    waits until ``coalesce_s()`` seconds have passed, or the row ends.
    """

    def __init__(self, coalesce_s: Callable[[], float], on_cancel: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._coalesce_s = coalesce_s
        self._on_cancel = on_cancel
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self._pieces: list[Piece] = []
        self._end: Finish | AskwellError | None = None
        self._delivered_end = False

    def push(self, piece: Piece) -> None:
        """Add a piece. One without text waits for the next that has some, or for the end."""
        self._pieces.append(piece)
        if not piece.text or self._wake.is_set() or self._timer is not None:
            return
        if self._loop.time() >= self._due_s:
            self._wake.set()
        else:
            self._timer = self._loop.call_at(self._due_s, self._wake.set)

    def end(self, end: Finish | AskwellError) -> None:
        """No more pieces; what waits is delivered now, then the end."""
        self._end = end
        self._wake.set()

    def cancel(self) -> None:
        if self._end is None:
            self._on_cancel()

    def __aiter__(self) -> AsyncIterator[Piece | Finish]:
        return self

    async def __anext__(self) -> Piece | Finish:
        if self._delivered_end:
            raise StopAsyncIteration
        await self._wake.wait()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pieces:
            return self._deliver()
        assert self._end is not None
        self._delivered_end = True
        if isinstance(self._end, AskwellError):
            raise self._end
        return self._end

    def _deliver(self) -> Piece:
        pieces, self._pieces = self._pieces, []
        self._due_s = self._loop.time() + self._coalesce_s()
        if self._end is None:
            self._wake.clear()
        return Piece(
            text="".join(piece.text for piece in pieces),
            token_ids=tuple(i for piece in pieces for i in piece.token_ids),
            logprobs=tuple(p for piece in pieces for p in piece.logprobs),
        )
