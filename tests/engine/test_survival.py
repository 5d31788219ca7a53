"""Processes that die: every row still ends, and nothing is left behind."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from askwell_server.child import Child
from askwell_server.engine import device, dispatch, spawn
from askwell_server.engine.config import EngineConfig
from askwell_server.engine.live import LiveEngine
from askwell_server.engine.row import Options, Piece, Reason, Row
from askwell_server.errors import ServerFault, Unavailable
from following import finish_of, finishes_of
from tiny_model import BATCHING_PAYS

GREEDY = Options(temperature=0.0)
ENDLESS = 20_000

FRONT = """
import asyncio, sys
from pathlib import Path
from askwell_server.engine.config import EngineConfig
from askwell_server.engine.live import LiveEngine
from askwell_server.engine.row import Options, Row

async def main():
    engine = LiveEngine(EngineConfig(Path(sys.argv[1]), devices=("cpu",), intra_threads=1, inter_threads=1))
    await engine.start()
    (stream,) = engine.submit([Row((50, 51), Options(temperature=0.0), 1_000_000)])
    await anext(aiter(stream))
    print(*engine.pids, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def started(folder: Path, **settings: float) -> LiveEngine:
    config = EngineConfig(
        model_dir=folder,
        devices=("cpu",),
        intra_threads=1,
        inter_threads=1,
        cost_model=BATCHING_PAYS,
        max_batch_rows=2,
        max_batch_tokens=4 * ENDLESS,
    )
    engine = LiveEngine(replace(config, **settings))  # type: ignore[arg-type]
    await engine.start()
    return engine


async def until_restarted(engine: LiveEngine) -> None:
    restarts = engine.statistics.restarts
    async with asyncio.timeout(20):
        while engine.statistics.restarts == restarts or not engine.ready:  # noqa: ASYNC110 - no event for tests
            await asyncio.sleep(0.01)


async def until_running(engine: LiveEngine) -> None:
    async with asyncio.timeout(20):
        while not engine.load().running_rows:  # noqa: ASYNC110 - no event for tests
            await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


async def stop(pid: int) -> None:
    """Each thread stops when it next comes by the kernel."""
    os.kill(pid, signal.SIGSTOP)
    async with asyncio.timeout(5):
        while not has_stopped(pid):  # noqa: ASYNC110 - nothing there to set an event
            await asyncio.sleep(0.01)


def has_stopped(pid: int) -> bool:
    return all(" T " in (task / "stat").read_text() for task in Path(f"/proc/{pid}/task").iterdir())


async def test_killed_engine_process_is_replaced_and_every_row_goes_on(tiny_folder: Path) -> None:
    engine = await started(tiny_folder)
    readiness: list[bool] = []
    engine.on_change(lambda: readiness.append(engine.ready))
    rows = [Row((50 + i, 51), GREEDY, 2000) for i in range(2)]
    expected = [(await finishes_of(engine.submit([row])))[0].token_ids for row in rows]
    (short,) = await finishes_of(engine.submit([Row((60, 61), GREEDY, 8)]))
    running = engine.submit(rows)
    begun = [await anext(aiter(stream)) for stream in running]
    waiting = engine.submit([Row((60, 61), GREEDY, 8)] * 6)
    (pid,) = engine.pids
    os.kill(pid, signal.SIGKILL)
    ends = [[event async for event in stream][-1] for stream in running]
    assert all(isinstance(piece, Piece) and piece.token_ids for piece in begun)
    assert [end.token_ids for end in ends] == expected and all(end.usage.batches >= 2 for end in ends)
    assert [f.token_ids for f in await finishes_of(waiting)] == [short.token_ids] * 6
    assert readiness == [False, True] and engine.pids != [pid]
    assert engine.statistics.restarts == 1
    await engine.close()


async def test_row_that_cannot_go_on_elsewhere_ends_with_unavailable(tiny_folder: Path) -> None:
    engine = await started(tiny_folder)
    looking_back = Options(temperature=0.0, repetition_penalty=1.2)
    (stream,) = engine.submit([Row((50, 51), looking_back, ENDLESS)])
    await anext(aiter(stream))
    os.kill(engine.pids[0], signal.SIGKILL)
    await until_restarted(engine)
    with pytest.raises(Unavailable) as death:
        await finish_of(stream)
    assert death.value.retry_s
    await engine.close()


async def test_row_that_kills_the_process_alone_is_refused_and_its_company_is_not(
    tiny_folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_PROVEN_TOKENS", ENDLESS)
    engine = await started(tiny_folder)
    killer = Row((60, 61), GREEDY, 9000, request_id="killer")
    killing, *others = engine.submit([killer, Row((70, 71), GREEDY, 9000)])
    for stream in (killing, *others):
        await anext(aiter(stream))
    assert engine.statistics.batches == 1
    for deaths in range(2):  # a crash of its own making: in company, then alone
        assert engine.load().running_rows == 2 - deaths
        os.kill(engine.pids[0], signal.SIGSEGV)
        await until_restarted(engine)
        await until_running(engine)
    with pytest.raises(Unavailable):
        await finish_of(killing)
    assert [event async for event in others[0]][-1].reason is Reason.MAX_TOKENS
    (again,) = engine.submit([killer])  # the caller tries again, and it kills again
    await anext(aiter(again))
    os.kill(engine.pids[0], signal.SIGSEGV)
    await until_restarted(engine)
    with pytest.raises(ServerFault):
        await finish_of(again)
    with pytest.raises(ServerFault):
        engine.submit([killer])
    assert "request killer" in caplog.text
    (answer,) = await finishes_of(engine.submit([Row((60, 61), GREEDY, 8)]))
    assert answer.reason is Reason.MAX_TOKENS
    await engine.close()


async def test_suspect_keeps_the_lane_until_its_verdict_and_who_asks_the_same_waits_for_it(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_PROVEN_TOKENS", ENDLESS)
    engine = await started(tiny_folder, max_batch_s=0.01)
    asked = Row((60, 61), GREEDY, 3000)
    streams = engine.submit([asked] * 4)  # two in the batch, two waiting
    await anext(aiter(streams[0]))
    os.kill(engine.pids[0], signal.SIGSEGV)
    await until_restarted(engine)
    others = engine.submit([Row((70 + i, 71), GREEDY, 40) for i in range(8)])
    ends = [[event async for event in stream][-1] for stream in streams]
    assert {end.token_ids for end in ends} == {ends[0].token_ids}
    assert [end.usage.batch_size for end in ends] == [1, 1, 1, 1]
    assert sorted(end.usage.batches for end in ends) == [1, 1, 2, 2]
    assert {f.reason for f in await finishes_of(others)} == {Reason.MAX_TOKENS}
    await engine.close()


async def test_suspect_that_is_past_the_step_of_the_crash_goes_on_in_company(tiny_folder: Path) -> None:
    engine = await started(tiny_folder)
    streams = engine.submit([Row((60 + i, 61), GREEDY, ENDLESS) for i in range(2)])
    await anext(aiter(streams[0]))
    os.kill(engine.pids[0], signal.SIGSEGV)
    await until_restarted(engine)
    async with asyncio.timeout(20):
        while engine.load().running_rows < 2:  # noqa: ASYNC110 - no event for tests
            await asyncio.sleep(0.01)
    await engine.close()
    for stream in streams:
        with pytest.raises(Unavailable):
            await finish_of(stream)


async def test_process_that_does_not_answer_is_replaced(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "TICK_S", 0.05)
    monkeypatch.setattr(device, "SILENCE_S", 0.5)
    engine = await started(tiny_folder)
    (pid,) = engine.pids
    await asyncio.sleep(0.8)
    assert engine.pids == [pid]  # one that answers is left alone
    await stop(pid)
    await until_restarted(engine)
    assert engine.pids != [pid] and not is_alive(pid)
    assert engine.statistics.restarts == 1
    await engine.close()


async def test_batch_that_makes_no_progress_is_given_up(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "TICK_S", 0.05)
    engine = await started(tiny_folder)
    (pid,) = engine.pids
    (stream,) = engine.submit([Row((50, 51), GREEDY, 2000)])
    await anext(aiter(stream))
    monkeypatch.setattr(device, "is_stuck", lambda silent_s, expected_s: engine.pids == [pid])
    await until_restarted(engine)
    assert [event async for event in stream][-1].reason is Reason.MAX_TOKENS
    await engine.close()


async def test_rows_of_a_dead_batch_that_showed_nothing_are_run_again(tiny_folder: Path) -> None:
    engine = await started(tiny_folder)
    (pid,) = engine.pids
    await stop(pid)  # it takes the batch and never starts it
    streams = engine.submit([Row((60 + i, 61), GREEDY, 8) for i in range(2)])
    await asyncio.sleep(0.05)
    assert engine.load().running_rows == 2
    os.kill(pid, signal.SIGKILL)
    assert {f.reason for f in await finishes_of(streams)} == {Reason.MAX_TOKENS}
    await engine.close()


async def test_process_busy_with_what_nobody_waits_for_is_replaced(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_ABANDONED_S", 0.1)
    engine = await started(tiny_folder)
    (pid,) = engine.pids
    await stop(pid)  # as deaf to a cancellation as a beam search is
    streams = engine.submit([Row((60 + i, 61), GREEDY, 8) for i in range(2)])
    await asyncio.sleep(0.05)
    for stream in streams:
        stream.cancel()
    async with asyncio.timeout(20):
        while engine.pids in ([pid], []) or not engine.ready:  # noqa: ASYNC110 - nothing there to set an event
            await asyncio.sleep(0.02)
    (answer,) = await finishes_of(engine.submit([Row((60, 61), GREEDY, 8)]))
    assert answer.reason is Reason.MAX_TOKENS and not is_alive(pid)
    await engine.close()


async def test_process_that_cannot_be_spawned_for_a_while_comes_back(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await started(tiny_folder)
    start, refusals = Child.spawn, [OSError("no memory"), OSError("no memory")]

    async def reluctant(module: str, env: dict[str, str]) -> Child:
        if refusals:
            raise refusals.pop()
        return await start(module, env=env)

    monkeypatch.setattr(spawn.Child, "spawn", reluctant)
    monkeypatch.setattr(device, "_FIRST_BACKOFF_S", 0.01)
    os.kill(engine.pids[0], signal.SIGKILL)
    async with asyncio.timeout(20):
        while refusals or not engine.ready:  # noqa: ASYNC110 - nothing there to set an event
            await asyncio.sleep(0.02)
    (answer,) = await finishes_of(engine.submit([Row((60, 61), GREEDY, 8)]))
    assert answer.reason is Reason.MAX_TOKENS
    await engine.close()


async def test_closing_fails_what_runs_and_the_process_exits_cleanly(
    tiny_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = await started(tiny_folder)
    streams = engine.submit([Row((50 + i, 51), GREEDY, ENDLESS) for i in range(4)])
    await anext(aiter(streams[0]))
    (pid,) = engine.pids
    await engine.close()
    for stream in streams:
        with pytest.raises(Unavailable):
            await finish_of(stream)
    assert not is_alive(pid)
    assert caplog.records == []  # an exit code other than 0 is logged


async def test_killed_front_leaves_no_engine_process(tiny_folder: Path) -> None:
    front = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FRONT, str(tiny_folder), stdout=asyncio.subprocess.PIPE
    )
    assert front.stdout is not None
    pid = int(await front.stdout.readline())
    assert is_alive(pid)
    front.kill()
    await front.wait()
    async with asyncio.timeout(10):
        while is_alive(pid):  # noqa: ASYNC110 - it is not our child
            await asyncio.sleep(0.02)
