"""The stream of a row, without an engine."""

import asyncio

from askwell_server.engine.row import Finish, Piece, Reason
from askwell_server.engine.stream import LiveRowStream

NEVER_S = 3600.0


def stream_of(coalesce_s: float) -> LiveRowStream:
    return LiveRowStream(lambda: coalesce_s, lambda: None)


async def test_first_piece_comes_at_once_and_later_ones_wait() -> None:
    stream = stream_of(NEVER_S)
    events = aiter(stream)
    stream.push(Piece("a", (1,)))
    assert await anext(events) == Piece("a", (1,))
    stream.push(Piece("b", (2,)))
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    assert not waiting.done()
    stream.push(Piece("c", (3,)))
    stream.end(Finish(Reason.EOS, "abc"))
    assert await waiting == Piece("bc", (2, 3))
    assert await anext(events) == Finish(Reason.EOS, "abc")
    assert [event async for event in events] == []


async def test_later_pieces_come_without_an_end() -> None:
    stream = stream_of(0.001)
    for text in "abc":
        stream.push(Piece(text))
        assert (await asyncio.wait_for(anext(aiter(stream)), 5)) == Piece(text)


async def test_a_piece_without_text_waits_for_one_with_text() -> None:
    stream = stream_of(0.0)
    stream.push(Piece("", (1,)))
    waiting = asyncio.ensure_future(anext(aiter(stream)))
    await asyncio.sleep(0)
    assert not waiting.done()
    stream.push(Piece("é", (2,)))
    assert await waiting == Piece("é", (1, 2))
