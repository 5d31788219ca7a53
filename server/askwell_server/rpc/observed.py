"""The engine as the RPCs use it, with somebody who is told how each row went."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeAlias

from ..engine.protocol import RowStream
from ..engine.row import Finish, Load, Piece, Row
from .served import Facts, ServedEngine

RowEnded: TypeAlias = Callable[[Finish], None]


class ObservedEngine:
    """Hands everything on, and tells ``row_ended`` of every finish that a caller has read."""

    def __init__(self, engine: ServedEngine, row_ended: RowEnded) -> None:
        self._engine = engine
        self._row_ended = row_ended

    @property
    def facts(self) -> Facts:
        return self._engine.facts

    @property
    def ready(self) -> bool:
        return self._engine.ready

    @property
    def queue_limit(self) -> int:
        return self._engine.queue_limit

    def load(self) -> Load:
        return self._engine.load()

    def predicted_s(self, rows: Sequence[Row]) -> float:
        return self._engine.predicted_s(rows)

    def submit(self, rows: Sequence[Row]) -> list[RowStream]:
        return [_ObservedStream(stream, self._row_ended) for stream in self._engine.submit(rows)]


class _ObservedStream:
    """One row's events. No generator: one that is left half-read would have to be closed."""

    def __init__(self, stream: RowStream, row_ended: RowEnded) -> None:
        self._stream = stream
        self._events: AsyncIterator[Piece | Finish] | None = None
        self._row_ended = row_ended

    def __aiter__(self) -> "_ObservedStream":
        self._events = aiter(self._stream)
        return self

    async def __anext__(self) -> Piece | Finish:
        assert self._events is not None
        event = await anext(self._events)
        if isinstance(event, Finish):
            self._row_ended(event)
        return event

    def cancel(self) -> None:
        self._stream.cancel()
