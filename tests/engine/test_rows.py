"""What rows may ask for themselves, and how they share the engine, on the tiny model."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from askwell_server.engine.config import EngineConfig
from askwell_server.engine.folder import ModelRefused
from askwell_server.engine.live import LiveEngine
from askwell_server.engine.messages import Failed
from askwell_server.engine.row import Finish, Options, Priority, Reason, Row
from askwell_server.errors import DeadlinePassed, QueueFull
from following import finish_of, finishes_of
from tiny_model import BATCHING_PAYS

GREEDY = Options(temperature=0.0)
ENDLESS = 20_000
LONG = 3000  # tokens: a second or so


@asynccontextmanager
async def engine_of(folder: Path, **settings: object) -> AsyncIterator[LiveEngine]:
    config = EngineConfig(
        folder,
        ("cpu",),
        intra_threads=1,
        inter_threads=1,
        cost_model=BATCHING_PAYS,
        max_batch_tokens=4 * ENDLESS,
    )
    engine = LiveEngine(replace(config, **settings))  # type: ignore[arg-type]
    await engine.start()
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def engine(tiny_folder: Path) -> AsyncIterator[LiveEngine]:
    async with engine_of(tiny_folder) as engine:
        yield engine


def row(*prompt: int, new: int = 12, options: Options = GREEDY, **more: object) -> Row:
    return Row(prompt, options, new, **more)  # type: ignore[arg-type]


async def one(engine: LiveEngine, asked: Row) -> Finish:
    return (await finishes_of(engine.submit([asked])))[0]


async def test_stop_token_ends_its_row_and_no_other(engine: LiveEngine) -> None:
    whole = await one(engine, row(50, 51, 52, new=24))
    end = next(i for i in range(1, 24) if whole.token_ids[i] not in whole.token_ids[:i])
    stopped, sibling = await finishes_of(
        engine.submit([row(50, 51, 52, new=24, stop_ids=(whole.token_ids[end],)), row(50, 51, 52, new=24)])
    )
    assert (stopped.reason, stopped.token_ids) == (Reason.STOP_TOKEN, whole.token_ids[:end])
    assert sibling.token_ids == whole.token_ids and sibling.usage.batch_size == 2


async def test_suppressed_tokens_never_come(engine: LiveEngine) -> None:
    usual = await one(engine, row(50, 51, 52))
    without = replace(GREEDY, suppressed=((usual.token_ids[0],),))
    other = await one(engine, row(50, 51, 52, options=without))
    assert usual.token_ids[0] not in other.token_ids and len(other.token_ids) == 12


async def test_rows_of_different_fixed_lengths_share_a_batch(engine: LiveEngine) -> None:
    rows = [row(50 + i, 51, 52, new=n, min_new_tokens=n) for i, n in enumerate((20, 25, 30))]
    finishes = await finishes_of(engine.submit(rows))
    assert [len(f.token_ids) for f in finishes] == [20, 25, 30]
    assert {f.usage.batch_size for f in finishes} == {3}


async def test_time_limit_gives_what_there_is_also_in_the_queue(engine: LiveEngine) -> None:
    now_s = time.monotonic()
    running = await one(engine, row(50, 51, new=ENDLESS, limit_s=now_s + 0.3))
    assert running.reason is Reason.TIME_LIMIT and running.token_ids
    blockers = engine.submit(
        [row(50 + i, 51, new=ENDLESS, options=replace(GREEDY, top_k=5)) for i in range(2)]
    )
    waiting = engine.submit([row(60, 61, limit_s=time.monotonic() + 0.05)])
    finish = await finish_of(waiting[0])
    assert (finish.reason, finish.token_ids) == (Reason.TIME_LIMIT, ())
    for stream in blockers:
        stream.cancel()


async def test_long_batch_gives_way_and_its_rows_write_the_same(tiny_folder: Path) -> None:
    async with engine_of(tiny_folder, max_batch_s=0.05) as engine:
        asked = row(50, 51, 52, new=LONG)
        alone = await one(engine, asked)
        (long,) = engine.submit([asked])
        await anext(aiter(long))
        short = await one(engine, row(60, 61, 62))
        end = [event async for event in long][-1]
        assert isinstance(end, Finish) and end.token_ids == alone.token_ids
        assert end.usage.batches >= 2 and engine.statistics.cuts >= 1
        assert short.timing.first_token_s < end.timing.decode_s


async def test_what_looks_back_is_never_cut(tiny_folder: Path) -> None:
    async with engine_of(tiny_folder, max_batch_s=0.05) as engine:
        penalised = replace(GREEDY, repetition_penalty=1.1)
        (long,) = engine.submit([row(50, 51, 52, new=LONG, options=penalised)])
        await anext(aiter(long))
        await one(engine, row(60, 61, 62))
        end = [event async for event in long][-1]
        assert isinstance(end, Finish) and end.usage.batches == 1


async def test_interactive_rows_go_before_others(engine: LiveEngine) -> None:
    other = replace(GREEDY, top_k=7, temperature=0.5)  # another options set: never in the same batch
    engine.submit([row(40, 41, new=200)])
    await asyncio.sleep(0)
    batch = engine.submit([row(50, 51, new=50, priority=Priority.BATCH)])
    urgent = engine.submit([row(60, 61, new=50, options=other, priority=Priority.INTERACTIVE)])
    late, early = await finishes_of([*batch, *urgent])
    assert early.timing.queue_s < late.timing.queue_s


async def test_deadline_that_cannot_be_met_is_refused_at_once_and_says_when(engine: LiveEngine) -> None:
    await finishes_of(engine.submit([row(50 + i, 51, new=40) for i in range(32)]))
    blockers = engine.submit([row(50, 51 + i, new=ENDLESS, options=Options(top_k=i + 2)) for i in range(4)])
    await asyncio.sleep(0.05)
    assert engine.load().predicted_wait_s > 1
    with pytest.raises(QueueFull) as refusal:
        engine.submit([row(60, 61, deadline_s=time.monotonic() + 0.5)])
    assert refusal.value.retry_s is not None and refusal.value.retry_s > 0.1
    assert engine.statistics.refused["deadline"] == 1
    for stream in blockers:
        stream.cancel()


async def test_server_has_a_longest_request_of_its_own(tiny_folder: Path) -> None:
    async with engine_of(tiny_folder, max_request_s=0.3, max_batch_s=60.0) as engine:
        running = await one(engine, row(50, 51, new=ENDLESS))
        assert running.reason is Reason.TIME_LIMIT
        await asyncio.sleep(0.1)
        generous = time.monotonic() + 60
        _, waiting = engine.submit(
            [
                row(50, 51, new=ENDLESS, deadline_s=generous),
                row(60, 61, options=replace(GREEDY, logprobs=True), deadline_s=generous),
            ]
        )
        with pytest.raises(DeadlinePassed):
            await finish_of(waiting)


async def test_registered_prefix_is_used_and_changes_nothing(tiny_folder: Path, engine: LiveEngine) -> None:
    text = engine.tokenizer.decode(tuple(range(60, 100)))
    prefix = engine.tokenizer.encode(text, specials=True)
    asked = row(*prefix, 50, 51, 52)
    expected = await one(engine, asked)
    async with engine_of(tiny_folder, prefixes=(text,)) as registered:
        finish = await one(registered, asked)
        assert finish.token_ids == expected.token_ids
        assert finish.usage.prefix_tokens == len(prefix) - 1 and expected.usage.prefix_tokens == 0
    with pytest.raises(ModelRefused, match="--prefix-budget-mb"):
        async with engine_of(tiny_folder, prefixes=(text,), prefix_budget_mb=0):
            pass


async def test_batch_without_memory_runs_again_in_smaller_ones(engine: LiveEngine) -> None:
    (device,) = engine._dispatcher.devices  # type: ignore[union-attr]
    streams = engine.submit([row(50 + i, 51, 52, new=LONG) for i in range(4)])
    await asyncio.sleep(0.1)
    (running,) = device.running.values()
    device._take(Failed(running.batch.batch_id, "RuntimeError: out of memory", out_of_memory=True))
    for ticket in running.tickets:
        assert not ticket.ended
    finishes = [[event async for event in stream][-1] for stream in streams]
    assert device.row_limit == 2
    assert all(
        isinstance(f, Finish) and f.usage.batch_size <= 2 and f.usage.new_tokens == LONG for f in finishes
    )
