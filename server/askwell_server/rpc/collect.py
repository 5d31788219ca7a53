"""Reading row streams: all to their ends, or every event as it comes."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from ..engine.protocol import RowStream
from ..engine.row import Finish, Piece

Event: TypeAlias = Piece | Finish


@contextmanager
def held(streams: Sequence[RowStream]) -> Iterator[Sequence[RowStream]]:
    """Give up whatever still runs when the block is left, however it is left: rows outlive no call."""
    try:
        yield streams
    finally:
        for stream in streams:
            stream.cancel()


async def finishes_of(streams: Sequence[RowStream]) -> list[Finish]:
    """The ends of all rows, in order. The first that fails fails all."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_finish_of(stream)) for stream in streams]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def _finish_of(stream: RowStream) -> Finish:
    async for event in stream:
        if isinstance(event, Finish):
            return event
    raise RuntimeError("a row's stream ended without a finish")


async def merged(streams: Sequence[RowStream]) -> AsyncGenerator[tuple[int, Event], None]:
    """Every event of every row with the row's index, as they come. The first that fails ends all."""
    if len(streams) == 1:  # spares the usual case a task and a queue
        async for only in streams[0]:
            yield 0, only
        return
    events: asyncio.Queue[tuple[int, Event | Exception | None]] = asyncio.Queue()
    readers = [asyncio.create_task(_read(i, stream, events)) for i, stream in enumerate(streams)]
    try:
        running = len(readers)
        while running:
            index, event = await events.get()
            if event is None:
                running -= 1
            elif isinstance(event, Exception):
                raise event
            else:
                yield index, event
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)


async def _read(
    index: int, stream: RowStream, events: asyncio.Queue[tuple[int, Event | Exception | None]]
) -> None:
    try:
        async for event in stream:
            events.put_nowait((index, event))
        events.put_nowait((index, None))
    except Exception as error:
        events.put_nowait((index, error))
