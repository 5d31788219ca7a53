"""Reading row streams to their end."""

import asyncio
from collections.abc import Iterable

from askwell_server.engine.protocol import RowStream
from askwell_server.engine.row import Finish, Piece


async def finish_of(stream: RowStream) -> Finish:
    """Read a stream that nobody has read to its end; its pieces must add up to its finish."""
    pieces: list[Piece] = []
    async for event in stream:
        if isinstance(event, Finish):
            assert "".join(piece.text for piece in pieces) == event.text
            assert tuple(i for piece in pieces for i in piece.token_ids) == event.token_ids
            return event
        pieces.append(event)
    raise AssertionError("the stream ended without a finish")


async def finishes_of(streams: Iterable[RowStream]) -> list[Finish]:
    """Read streams at once; 30 seconds are more than any test needs."""
    async with asyncio.timeout(30):
        return list(await asyncio.gather(*map(finish_of, streams)))
