"""Processes that die, signals, and folders that cannot be served."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from askwell_client import AsyncClient, Client, Generation, Sample, Started, TransientError

from .conftest import BIN, ServerProcess, alive, wait_until

Start = Callable[..., ServerProcess]


async def _load(client: AsyncClient, count: int, new_tokens: int) -> list[Generation | BaseException]:
    """``count`` concurrent requests, long enough to be running when something happens."""
    return await asyncio.gather(
        *(
            client.generate([10 + i, 20, 30 + i], max_new_tokens=new_tokens, min_new_tokens=new_tokens)
            for i in range(count)
        ),
        return_exceptions=True,
    )


async def test_killing_the_engine_ends_every_request_and_the_server_serves_again(start: Start) -> None:
    server = start()
    async with AsyncClient(server.address, retries=0) as client:
        load = asyncio.create_task(_load(client, 48, 200))
        await asyncio.sleep(0.15)
        (engine,) = server.engine_pids()
        os.kill(engine, signal.SIGKILL)
        results = await asyncio.wait_for(load, 60)
        assert all(isinstance(result, (Generation, TransientError)) for result in results)

    async with AsyncClient(server.address, retries=5) as client:
        answer = await client.generate([1, 2, 3], max_new_tokens=4)
        assert answer.samples[0].usage.new_tokens > 0
    assert server.engine_pids() != [engine]
    assert server.stop() == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_under_load_loses_no_admitted_request(start: Start, how: signal.Signals) -> None:
    server = start()
    count, started = 48, asyncio.Semaphore(0)

    async def watch(client: AsyncClient, i: int) -> int:
        """Tokens of one request; Started is how it is known to be admitted."""
        async for event in client.stream([10 + i, 20, 30 + i], max_new_tokens=200, min_new_tokens=200):
            if isinstance(event, Started):
                started.release()
            if isinstance(event, Sample):
                return event.usage.new_tokens
        raise AssertionError("the stream ended without its sample")

    async with AsyncClient(server.address, retries=0) as client, asyncio.timeout(60):
        watching = [asyncio.create_task(watch(client, i)) for i in range(count)]
        for _ in range(count):
            await started.acquire()
        server.process.send_signal(how)
        assert await asyncio.gather(*watching) == [200] * count
    assert await asyncio.to_thread(server.end) == 0
    assert "Traceback" not in server.errors


def test_killing_the_front_leaves_no_engine_behind(start: Start) -> None:
    server = start()
    engines = server.engine_pids()
    assert engines
    server.stop(signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in engines), limit_s=10)


def _refusal(model: Path, *flags: str) -> str:
    done = subprocess.run(
        [BIN / "askwell-server", "--model", model, *flags], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_a_folder_that_cannot_be_served_is_refused_in_one_line(tiny_gptj: Path, tmp_path: Path) -> None:
    assert "askwell-convert" in _refusal(tmp_path / "missing")
    assert "askwell-convert" in _refusal(tmp_path)
    half = tmp_path / "half"
    shutil.copytree(tiny_gptj, half)
    (half / "model.bin").write_bytes((half / "model.bin").read_bytes()[:-1000])
    assert "model.bin" in _refusal(half, "--port", "0")
    (half / "model.bin").unlink()
    assert "model.bin" in _refusal(half)


def test_a_port_in_use_is_refused_in_one_line(tiny_gptj: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert port in _refusal(tiny_gptj, "--port", port)


def test_health_tells_whether_a_server_serves(start: Start) -> None:
    server = start()
    with Client(server.address) as client:
        assert client.health().name == "SERVING"
