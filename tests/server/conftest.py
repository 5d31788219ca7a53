"""A real grpc.aio server on a free port, over a scripted engine."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from askwell.v1.generation_pb2_grpc import GenerationServiceStub
from askwell.v1.interview_pb2_grpc import InterviewServiceStub
from askwell_manifest import Manifest
from askwell_server.domain.pool import DomainPool
from askwell_server.rpc.assembly import Health, assembled
from askwell_server.rpc.gate import Gate
from askwell_server.rpc.served import Serving
from fake_engine import MANIFEST, FakeEngine, served_by
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status


@dataclass
class Running:
    """A server that runs, and stubs that talk to it."""

    engine: FakeEngine
    gate: Gate
    health: Health
    ended: list[tuple[str, str, float]]
    channel: grpc.aio.Channel
    generation: Any
    interview: Any


@asynccontextmanager
async def _running(engine: FakeEngine, pool: DomainPool, manifest: Manifest) -> AsyncIterator[Running]:
    gate, health, ended = Gate(), Health(), list[tuple[str, str, float]]()
    gate.open()
    serving = Serving(served_by(engine, manifest))
    server = assembled(serving, pool, gate, health, lambda *call: ended.append(call))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        generation, interview = GenerationServiceStub(channel), InterviewServiceStub(channel)
        yield Running(engine, gate, health, ended, channel, generation, interview)
    await server.stop(None)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    """``running = await serve(engine, pool=..., manifest=...)``"""
    async with AsyncExitStack() as stack:

        async def start(
            engine: FakeEngine | None = None, pool: DomainPool | None = None, manifest: Manifest = MANIFEST
        ) -> Running:
            context = _running(engine or FakeEngine(), pool or DomainPool(), manifest)
            return await stack.enter_async_context(context)

        yield start


@dataclass
class Failure:
    """A failed call, taken apart."""

    code: str
    message: str
    fields: dict[str, str]
    retry_s: float | None
    pushback_ms: str | None
    request_id: str


@pytest.fixture
def failure_of() -> Callable[[grpc.aio.AioRpcError], Failure]:
    def parse(error: grpc.aio.AioRpcError) -> Failure:
        bad, retry = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        info = error_details_pb2.RequestInfo()
        status: Any = rpc_status.from_call(error)
        for detail in status.details:
            for kind in (bad, retry, info):
                message: Message = kind
                if detail.Is(message.DESCRIPTOR):
                    detail.Unpack(message)
        trailing = dict(error.trailing_metadata())
        return Failure(
            error.code().name,
            error.details() or "",
            {violation.field: violation.description for violation in bad.field_violations},
            retry.retry_delay.ToMilliseconds() / 1000 if retry.HasField("retry_delay") else None,
            trailing.get("grpc-retry-pushback-ms"),
            info.request_id,
        )

    return parse
