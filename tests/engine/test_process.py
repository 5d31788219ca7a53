"""The engine process as the front sees it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from askwell_server.child import Child
from askwell_server.engine.cost import DEFAULT_COST
from askwell_server.engine.messages import (
    Batch,
    BatchRow,
    Cut,
    Done,
    Load,
    Ping,
    Pong,
    Quit,
    Ready,
    Refused,
    Step,
)
from askwell_server.engine.row import Options, Reason

GREEDY = Options(temperature=0.0)


def load(folder: Path, **changes: object) -> Load:
    return Load(folder, "cpu", "auto", 1, 2, **{"full_range_ok": False, "cost": DEFAULT_COST, **changes})  # type: ignore[arg-type]


def batch(batch_id: int, new: int = 8, rows: int = 3) -> Batch:
    each = [BatchRow((30 + i, 31, 32), new) for i in range(rows)]
    return Batch(batch_id, (40, 41, 42), tuple(each), GREEDY, min_new_tokens=new)


@pytest.fixture
async def child() -> AsyncIterator[Child]:
    child = await Child.spawn("askwell_server.engine.process")
    yield child
    child.kill()
    await child.wait()


async def until_done(child: Child, count: int) -> list[object]:
    messages: list[object] = []
    while sum(isinstance(message, Done) for message in messages) < count:
        messages.append(await child.recv())
    return messages


async def test_lanes_answer_each_batch_in_order_and_the_process_ends_cleanly(child, tiny_folder):
    child.send(load(tiny_folder))
    ready = await child.recv()
    assert isinstance(ready, Ready) and (ready.threads, ready.lanes) == (1, 2)
    assert ready.cost == DEFAULT_COST and ready.cached_token_bytes == 512 and ready.free_bytes
    for batch_id in range(6):
        child.send(batch(batch_id))
    child.send(Ping())
    messages = await until_done(child, 6)
    if Pong() not in messages:  # the batches are short: the answer may come after them
        messages.append(await child.recv())
    assert Pong() in messages
    written = set()
    for batch_id in range(6):
        own = [message for message in messages if getattr(message, "batch_id", None) == batch_id]
        assert [type(message) for message in own] == [Step] * 8 + [Done]
        assert [message.step for message in own[:-1]] == list(range(8))
        written.add(tuple(token.token_id for step in own[:-1] for token in step.tokens))
    assert len(written) == 1  # the lanes know nothing of each other
    child.send(Quit())
    assert await child.wait() == 0


async def test_running_batch_is_finished_before_the_process_ends(child, tiny_folder):
    child.send(load(tiny_folder))
    await child.recv()
    child.send(batch(1, new=200))
    child.send(Quit())
    assert sum(isinstance(message, Step) for message in await until_done(child, 1)) == 200
    assert await child.wait() == 0


async def test_cut_batch_ends_early_and_its_neighbour_does_not(child, tiny_folder):
    child.send(load(tiny_folder))
    await child.recv()
    child.send(batch(1, new=240, rows=12))
    child.send(batch(2, new=240))
    child.send(Cut(1))
    messages = await until_done(child, 2)
    ends = {(m.batch_id, t.end) for m in messages if isinstance(m, Step) for t in m.tokens if t.end}
    assert ends == {(1, Reason.CANCELLED), (2, Reason.MAX_TOKENS)}


async def test_cost_is_measured_where_none_was_given(child, tiny_folder):
    child.send(load(tiny_folder, cost=None))
    ready = await child.recv()
    assert ready.cost != DEFAULT_COST and 0 < ready.cost.step_s(1, 50) < 1


async def test_model_that_is_none_is_refused_and_the_process_ends(child, tmp_path):
    child.send(load(tmp_path))
    refused = await child.recv()
    assert isinstance(refused, Refused) and "\n" not in refused.message
    assert await child.wait() == 0
