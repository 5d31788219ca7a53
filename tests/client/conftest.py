"""A fake server per test, and one way to call it through either client."""

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from askwell_client import AsyncClient, Client

from client import fake_server


@pytest.fixture
def running() -> Iterator[fake_server.Running]:
    running = fake_server.start()
    yield running
    running.stop()


@pytest.fixture
def server(running: fake_server.Running) -> fake_server.FakeServer:
    return running.fake


class Caller:
    """Calls a method of a client and returns its result, a stream's as a list."""

    def __init__(self, kind: str, target: str) -> None:
        self.kind = kind
        self.target = target

    def __call__(self, method: str, *args: Any, client: dict[str, Any] | None = None, **options: Any) -> Any:
        settings = client or {}
        if self.kind == "async":
            return asyncio.run(self._call_async(method, args, options, settings))
        with Client(self.target, **settings) as sync:
            result = getattr(sync, method)(*args, **options)
            return list(result) if inspect.isgenerator(result) else result

    async def _call_async(self, method: str, args: Any, options: Any, settings: Any) -> Any:
        async with AsyncClient(self.target, **settings) as client:
            result = getattr(client, method)(*args, **options)
            return [each async for each in result] if inspect.isasyncgen(result) else await result


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, server: fake_server.FakeServer) -> Caller:
    return Caller(request.param, server.target)


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses both clients would have made. None is made."""
    pauses: list[float] = []

    async def async_sleep(delay_s: float) -> None:
        pauses.append(delay_s)

    monkeypatch.setattr("askwell_client.client.sleep", pauses.append)
    monkeypatch.setattr("askwell_client.async_client.sleep", async_sleep)
    return pauses
