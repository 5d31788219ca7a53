"""A server's life, told by its health service: loading, serving, restarting, draining, stopped."""

import asyncio
import os
import signal
import socket
from contextlib import asynccontextmanager

import grpc
import pytest
from askwell.v1 import generation_pb2 as pb
from askwell.v1.generation_pb2_grpc import GenerationServiceStub
from askwell_server.config import read_config
from askwell_server.domain import pool
from askwell_server.lifecycle import Lifecycle, StartError
from fake_engine import FakeEngine, Script, served_by, until
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
NAMES = ("", "askwell.v1.GenerationService", "askwell.v1.InterviewService")


class LivingEngine(FakeEngine):
    """A fake that loads when told, and can fall over."""

    def __init__(self, script=lambda row: Script()):
        super().__init__(script, ready=False)
        self.may_load, self.closed, self.tell = asyncio.Event(), 0, lambda: None

    def on_change(self, callback):
        self.tell = callback

    async def start(self):
        await self.may_load.wait()
        self.become(True)

    def become(self, ready):
        self.ready = ready
        self.tell()

    async def close(self):
        self.closed += 1
        for stream in self.streams:
            if stream.script.held:
                stream.script.held.set()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def living(engine, *flags):
    port, lines = free_port(), []
    config = read_config(["--model", "m", "--port", str(port), *flags], {})
    running = asyncio.create_task(Lifecycle(config, served_by(engine), engine, lines.append).run())
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield running, lines, channel
    finally:
        if not running.done():
            os.kill(os.getpid(), signal.SIGTERM)
        await running


async def health(channel, name=""):
    stub = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service=name)
    return (await stub.Check(request, wait_for_ready=True, timeout=5)).status


async def becomes(channel, status):
    async with asyncio.timeout(5):
        while await health(channel) != status:  # noqa: ASYNC110 - the server is on the other side
            await asyncio.sleep(0.01)


async def test_health_tells_of_loading_serving_and_restarts():
    engine = LivingEngine()
    async with living(engine) as (_, lines, channel):
        assert [await health(channel, name) for name in NAMES] == [NOT_SERVING] * 3
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await GenerationServiceStub(channel).GetModel(pb.GetModelRequest())
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert caught.value.details() == "the model is still loading" and not lines
        engine.may_load.set()
        await becomes(channel, SERVING)
        assert [await health(channel, name) for name in NAMES] == [SERVING] * 3
        assert lines[0].startswith("askwell-server: serving fake on 127.0.0.1:")
        assert lines[0].endswith("(cpu, int8_float32)")
        engine.become(False)
        await becomes(channel, NOT_SERVING)
        engine.become(True)
        await becomes(channel, SERVING)


async def test_signal_drains_admitted_calls_and_refuses_new_ones():
    held = asyncio.Event()
    engine = LivingEngine(lambda row: Script(held=held))
    engine.may_load.set()
    async with living(engine) as (running, _, channel):
        await becomes(channel, SERVING)
        stub = GenerationServiceStub(channel)
        admitted = asyncio.ensure_future(stub.Generate(pb.GenerateRequest(text="hi")))
        await until(lambda: engine.streams)
        os.kill(os.getpid(), signal.SIGTERM)
        await becomes(channel, NOT_SERVING)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Generate(pb.GenerateRequest(text="hi"))
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert not running.done() and not engine.closed
        held.set()
        assert (await admitted).samples[0].text == "Hello world"
        await running
        assert engine.closed


async def test_drain_ends_after_its_time():
    engine = LivingEngine(lambda row: Script(held=asyncio.Event()))
    engine.may_load.set()
    async with living(engine, "--drain-s", "0.1") as (running, _, channel):
        await becomes(channel, SERVING)
        call = asyncio.ensure_future(GenerationServiceStub(channel).Generate(pb.GenerateRequest(text="hi")))
        await until(lambda: engine.streams)
        os.kill(os.getpid(), signal.SIGINT)
        await running
        await asyncio.wait([call], timeout=5)
        assert call.done()


async def test_watcher_does_not_hold_up_the_drain():
    engine = LivingEngine()
    engine.may_load.set()
    async with living(engine, "--drain-s", "60") as (running, _, channel):
        await becomes(channel, SERVING)
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        os.kill(os.getpid(), signal.SIGTERM)
        assert (await watch.read()).status == NOT_SERVING
        async with asyncio.timeout(5):
            await running


async def test_signal_while_loading_stops_at_once():
    engine = LivingEngine()
    async with living(engine) as (running, lines, channel):
        await becomes(channel, NOT_SERVING)
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(5):
            await running
        assert engine.closed and not lines


async def test_port_in_use_is_one_line():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        config = read_config(["--model", "m", "--port", str(port)], {})
        engine = LivingEngine()
        with pytest.raises(StartError) as caught:
            await Lifecycle(config, served_by(engine), engine, print).run()
    told = f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another --host or --port"
    assert str(caught.value) == told


async def test_port_in_use_at_one_of_a_hosts_addresses_is_told(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", (name, port)) for name in ("127.0.0.2", "127.0.0.1")
        ]
        config = read_config(["--model", "m", "--host", "localhost", "--port", str(port)], {})
        lifecycle = Lifecycle(config, served_by(LivingEngine()), LivingEngine(), print)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
        with pytest.raises(StartError, match="Address already in use"):
            await lifecycle.run()


async def test_host_that_is_no_name_is_one_line():
    config = read_config(["--model", "m", "--host", "a..b"], {})
    engine = LivingEngine()
    with pytest.raises(StartError, match=r"cannot listen on a..b:50051: .*; choose another"):
        await Lifecycle(config, served_by(engine), engine, print).run()


async def test_document_worker_that_does_not_start_ends_the_server(monkeypatch):
    monkeypatch.setattr(pool, "MODULE", "askwell_server.no_such_module")
    engine = LivingEngine()
    engine.may_load.set()
    config = read_config(["--model", "m", "--port", "0"], {})
    with pytest.raises(StartError, match=r"a document worker does not start: .* code 1"):
        await Lifecycle(config, served_by(engine), engine, print).run()
    assert engine.closed


async def test_model_that_fails_to_load_ends_the_server():
    class Refusing(LivingEngine):
        async def start(self):
            raise StartError("the model is no good")

    engine = Refusing()
    config = read_config(["--model", "m", "--port", "0"], {})
    with pytest.raises(StartError, match="no good"):
        await Lifecycle(config, served_by(engine), engine, print).run()
    assert engine.closed
