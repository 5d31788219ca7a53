"""Generated rows on the real engine: whatever comes together, each gets its own, and nothing breaks."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from askwell_bench.integrity.answer import Answer, Text
from askwell_bench.integrity.reference import Reference
from askwell_bench.integrity.request import Asked, Bounds, requests
from askwell_bench.integrity.verdict import judged
from askwell_server.engine import dispatch
from askwell_server.engine.config import EngineConfig
from askwell_server.engine.live import LiveEngine
from askwell_server.engine.protocol import RowStream
from askwell_server.engine.row import Finish, Options, Piece, Priority, Reason, Row
from askwell_server.engine.scheduler import Scheduler
from askwell_server.errors import AskwellError, DeadlinePassed
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tiny_model import VOCABULARY_SIZE

BOUNDS = Bounds(VOCABULARY_SIZE, prompt_tokens=24, new_tokens=12)
LIMIT_S = 30.0  # a hang, not a slow machine
Run = Callable[[Awaitable[Any]], Any]

# Chance is hypothesis's own, so that it can shrink what fails; explaining it would take long and tell little.
generated = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
chance = st.randoms(use_true_random=False)


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with asyncio.Runner() as runner:
        yield lambda task: runner.run(_limited(task))


async def _limited(task: Awaitable[Any]) -> Any:
    async with asyncio.timeout(LIMIT_S):
        return await task


def impatient(scheduler: object, live: Sequence[Row], *_: object) -> bool:
    return all(row.options.divisible for row in live)


@pytest.fixture(scope="module")
def engine(tiny_folder: Path, run: Run) -> Iterator[LiveEngine]:
    """One that cuts a batch whenever it may and somebody waits, whether that pays or not."""
    config = EngineConfig(tiny_folder, ("cpu",), intra_threads=1, inter_threads=2, max_batch_rows=4)
    engine = LiveEngine(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scheduler, "gives_way", impatient)
        patch.setattr(dispatch, "_CUT_CHECK_S", 0.001)
        patch.setattr(dispatch, "_SOON_S", 0.0)
        run(engine.start())
        yield engine
        run(engine.close())


@pytest.fixture(scope="module")
def reference(tiny_folder: Path) -> Iterator[Reference]:
    found = [Reference(tiny_folder, workers=1)]
    yield found[0]
    found.clear()  # ctranslate2 must be gone before the interpreter is


def row_of(asked: Asked, reference: Reference) -> Row:
    choice = asked.choice
    options = Options(
        temperature=0.0,
        top_k=1,
        top_p=1.0,
        repetition_penalty=choice.repetition_penalty,
        no_repeat_ngram_size=choice.no_repeat_ngram_size,
        logprobs=asked.logprobs,
        suppressed=reference.suppressed(choice),
        reproducible=asked.reproducible,
    )
    return Row(
        choice.prompt,
        options,
        asked.max_new_tokens,
        min_new_tokens=choice.min_new_tokens,
        stops=asked.stop_sequences,
        include_stop=asked.include_stop,
        stop_ids=asked.stop_token_ids,
    )


async def text_of(stream: RowStream, leave_after: int | None) -> Text:
    ids: tuple[int, ...] = ()
    async for event in stream:
        if isinstance(event, Finish):
            return Text(event.token_ids, event.reason.value, event.text, event.logprobs)
        ids += event.token_ids
        if leave_after is not None and len(ids) >= leave_after:
            stream.cancel()
            return Text(ids, "")
    raise AssertionError("the stream ended without a finish")


@generated
@given(chance, st.integers(1, 12))
def test_generated_requests_get_in_company_what_they_get_alone(
    run: Run, engine: LiveEngine, reference: Reference, random: Random, count: int
) -> None:
    drawn = list(islice(requests(random, BOUNDS), count))
    alone = reference.answers(drawn)
    asked = [reference.ending_in(each, alone[each.choice]) for each in drawn]

    pauses_s = [random.choice((0.0, 0.0, 0.002)) for _ in asked]

    async def answer(each: Asked, pause_s: float) -> Answer:
        await asyncio.sleep(pause_s)
        streams = engine.submit([row_of(each, reference)] * each.num_return)
        texts = await asyncio.gather(*(text_of(stream, each.leave_after) for stream in streams))
        return Answer(tuple(texts))

    async def answers() -> list[Answer]:
        return await asyncio.gather(*map(answer, asked, pauses_s))

    def gap(asked: Asked, position: int, one: int | None, other: int | None) -> float:
        return reference.gap(asked, alone[asked.choice], position, one, other)

    for each, got in zip(asked, run(answers()), strict=True):
        text = alone[each.choice]
        verdict = judged(each, reference.expected(each, text), text.token_ids, got, gap)
        assert verdict.kind in ("equal", "near"), (verdict, each, got)


def hostile(random: Random) -> Row:
    """Anything that the edge lets through: sampling and beams as well, and times that are over or nearly."""
    beams = random.choice((1, 1, 1, 2, 3))
    options = Options(
        temperature=random.choice((0.0, 0.01, 0.7, 100.0)),
        top_k=random.choice((0, 1, 50, 300) if beams == 1 else (0, 1, 8)),
        top_p=random.choice((1e-6, 0.5, 1.0)),
        repetition_penalty=random.choice((1.0, 1.0, 0.001, 10.0)),
        no_repeat_ngram_size=random.choice((0, 0, 1, 32)),
        num_beams=beams,
        logprobs=beams == 1 and random.random() < 0.3,
        suppressed=random.choice(((), (), ((7,),), ((7,), (8, 9), (5,) * 20))),
        reproducible=random.random() < 0.2,
    )
    new_tokens = random.choice((1, 2, 7, 40))
    now_s = time.monotonic()
    return Row(
        tuple(random.randrange(VOCABULARY_SIZE) for _ in range(random.choice((1, 1, 2, 3, 20, 60)))),
        options,
        new_tokens,
        min_new_tokens=random.choice((0, 0, 1, new_tokens)),
        stops=random.choice(((), (), ("e",), ("\ufffd", "no such text"))),
        include_stop=random.random() < 0.5,
        stop_ids=() if beams > 1 else random.choice(((), (), tuple(range(0, VOCABULARY_SIZE, 20)))),
        deadline_s=random.choice((None, None, now_s - 1, now_s + 0.01, now_s + 60)),
        limit_s=None if beams > 1 else random.choice((None, None, now_s, now_s + 0.005)),
        priority=random.choice(list(Priority)),
        tenant=random.choice(("", "a", "b")),
        request_id=random.choice(("", "same", "other")),
    )


class Submission:
    """Samples of one request, when their reader goes away, and how long the next request is in coming."""

    def __init__(self, random: Random) -> None:
        self.rows = [hostile(random)] * random.choice((1, 1, 1, 3))
        self.cancels_at = [random.choice((None, None, 1, 2)) for _ in self.rows]
        self.pause_s = random.choice((0.0, 0.0, 0.002))


async def end_of(stream: RowStream, cancel_at: int | None) -> Finish | AskwellError:
    try:
        events = 0
        async for event in stream:
            if isinstance(event, Finish):
                return event
            assert isinstance(event, Piece)
            events += 1
            if events == cancel_at:
                stream.cancel()
    except AskwellError as error:
        return error
    raise AssertionError("the stream ended without a finish")


def check(row: Row, end: Finish | AskwellError) -> None:
    if isinstance(end, AskwellError):
        assert isinstance(end, DeadlinePassed) and row.deadline_s is not None, (row, end)
        return
    count = len(end.token_ids)
    assert count <= row.max_new_tokens
    assert not set(row.stop_ids) & set(end.token_ids[row.min_new_tokens :])
    assert len(end.logprobs) == (count if row.options.logprobs else 0)
    if end.reason is Reason.MAX_TOKENS:
        assert count == row.max_new_tokens
    if end.reason is Reason.EOS:
        assert count >= row.min_new_tokens
    if end.reason is Reason.TIME_LIMIT:
        assert row.limit_s is not None or row.deadline_s is not None
    if end.reason is Reason.STOP_SEQUENCE:
        assert end.stop in row.stops and (not row.include_stop or end.text.endswith(end.stop))
    assert (end.reason is Reason.STOP_TOKEN) <= bool(row.stop_ids)


@generated
@given(chance, st.integers(1, 16))
def test_hostile_rows_all_end_and_the_engine_lives_and_leaves_nothing_behind(
    run: Run, engine: LiveEngine, random: Random, count: int
) -> None:
    pids = list(engine.pids)

    # All of chance is drawn before anything runs, for then chance is no longer hypothesis's own.
    drawn = [Submission(random) for _ in range(count)]

    async def ends() -> list[tuple[Row, Finish | AskwellError]]:
        tasks = len(asyncio.all_tasks())
        waiting: list[asyncio.Task[Finish | AskwellError]] = []
        rows: list[Row] = []
        for each in drawn:
            try:
                streams = engine.submit(each.rows)
            except AskwellError as refusal:
                assert refusal.code == "RESOURCE_EXHAUSTED", refusal
                continue
            rows += each.rows
            waiting += map(asyncio.create_task, map(end_of, streams, each.cancels_at))
            await asyncio.sleep(each.pause_s)
        found = await asyncio.gather(*waiting)
        while engine.load().running_rows:  # noqa: ASYNC110 - it has no event for tests
            await asyncio.sleep(0.002)
        assert len(asyncio.all_tasks()) == tasks
        return list(zip(rows, found, strict=True))

    for row, end in run(ends()):
        check(row, end)
    load = engine.load()
    assert (load.queued_rows, load.running_rows, load.ready_engines) == (0, 0, 1)
    assert engine.pids == pids
