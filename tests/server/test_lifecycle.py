"""A server's life, told by its health service: loading, serving, restarting, draining, stopped."""

import asyncio
import os
import pty
import signal
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.request import urlopen

import grpc
import pytest
from askwell.v1 import generation_pb2 as pb
from askwell.v1.generation_pb2_grpc import GenerationServiceStub
from askwell_server.config import read_config
from askwell_server.domain import pool
from askwell_server.lifecycle import Lifecycle
from askwell_server.metrics import Metrics
from askwell_server.model import StartError
from askwell_server.rpc.observed import ObservedEngine
from fake_engine import MANIFEST, Script, until
from grpc_health.v1 import health_pb2, health_pb2_grpc
from living_engine import LivingEngine, model_of

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
NAMES = ("", "askwell.v1.GenerationService", "askwell.v1.InterviewService")


def lifecycle_of(config, engine, announce=print, reopened=None):
    metrics = Metrics()
    model = model_of(engine)
    served = replace(model.served, engine=ObservedEngine(engine, metrics.row_ended))
    return Lifecycle(config, replace(model, served=served), reopened, lambda: None, metrics, announce)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def living(engine, *flags, reopened=None):
    port, lines = free_port(), []
    config = read_config(["--model", "m", "--port", str(port), *flags], {})
    running = asyncio.create_task(lifecycle_of(config, engine, lines.append, reopened).run())
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
            await lifecycle_of(config, engine).run()
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
        lifecycle = lifecycle_of(config, LivingEngine())
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
        with pytest.raises(StartError, match="Address already in use"):
            await lifecycle.run()


async def test_host_that_is_no_name_is_one_line():
    config = read_config(["--model", "m", "--host", "a..b"], {})
    engine = LivingEngine()
    with pytest.raises(StartError, match=r"cannot listen on a..b:50051: .*; choose another"):
        await lifecycle_of(config, engine).run()


async def test_document_worker_that_does_not_start_ends_the_server(monkeypatch):
    monkeypatch.setattr(pool, "MODULE", "askwell_server.no_such_module")
    engine = LivingEngine()
    engine.may_load.set()
    config = read_config(["--model", "m", "--port", "0"], {})
    with pytest.raises(StartError, match=r"a document worker does not start: .* code 1"):
        await lifecycle_of(config, engine).run()
    assert engine.closed


async def test_model_that_fails_to_load_ends_the_server():
    class Refusing(LivingEngine):
        async def start(self):
            raise StartError("the model is no good")

    engine = Refusing()
    config = read_config(["--model", "m", "--port", "0"], {})
    with pytest.raises(StartError, match="no good"):
        await lifecycle_of(config, engine).run()
    assert engine.closed


async def test_hangup_swaps_the_model_and_no_call_notices(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"")
    held = asyncio.Event()
    old, new = LivingEngine(lambda row: Script(held=held)), LivingEngine()
    old.may_load.set()
    manifest = replace(MANIFEST, name="newer", files={})
    async with living(old, reopened=lambda: model_of(new, tmp_path, manifest)) as (_, lines, channel):
        await becomes(channel, SERVING)
        stub = GenerationServiceStub(channel)
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        admitted = asyncio.ensure_future(stub.Generate(pb.GenerateRequest(text="hi")))
        await until(lambda: old.streams)
        os.kill(os.getpid(), signal.SIGHUP)
        assert (await stub.GetModel(pb.GetModelRequest())).name == "fake"
        new.may_load.set()
        await until(lambda: len(lines) == 2)
        assert lines[1] == f"askwell-server: now serving newer from {tmp_path}"
        assert (await stub.Generate(pb.GenerateRequest(text="hi"))).model == "newer"
        assert not admitted.done() and not old.closed
        held.set()
        assert (await admitted).model == "fake"
        await until(lambda: old.closed)
        assert not new.closed
        old.become(False)  # what becomes of the old one is nobody's business any more
        new.become(False)
        assert (await watch.read()).status == NOT_SERVING
        watch.cancel()
    assert new.closed


async def test_a_stop_during_a_swap_lets_nobody_in_while_the_new_engine_ends(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"")
    starting, ending, may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Slow(LivingEngine):
        async def start(self):
            starting.set()
            await super().start()

        async def close(self):
            ending.set()
            await may_end.wait()
            await super().close()

    old, new = LivingEngine(), Slow()
    old.may_load.set()
    manifest = replace(MANIFEST, files={})
    async with living(old, reopened=lambda: model_of(new, tmp_path, manifest)) as (running, _, channel):
        await becomes(channel, SERVING)
        os.kill(os.getpid(), signal.SIGHUP)
        await starting.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await ending.wait()
        try:
            assert await health(channel) == NOT_SERVING
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await GenerationServiceStub(channel).GetModel(pb.GetModelRequest())
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE and not running.done()
        finally:
            may_end.set()
            await running
    assert new.closed and old.closed


async def test_hangup_of_the_terminal_stops_the_server():
    engine = LivingEngine()
    engine.may_load.set()
    person, terminal = pty.openpty()
    feeding = os.dup(0)
    os.dup2(terminal, 0)
    try:
        async with living(engine, reopened=None) as (running, _, channel):
            await becomes(channel, SERVING)
            os.close(person)
            os.kill(os.getpid(), signal.SIGHUP)
            async with asyncio.timeout(5):
                await running
    finally:
        os.dup2(feeding, 0)
        os.close(feeding)
        os.close(terminal)


async def test_metrics_are_served_while_the_server_lives():
    port, engine = free_port(), LivingEngine()
    engine.may_load.set()

    def scraped():
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
            return response.read().decode()

    async with living(engine, "--metrics-port", str(port)) as (_, _, channel):
        await becomes(channel, SERVING)
        request = pb.GenerateRequest(text="hi", tenant="a-tenant", request_id="an-id")
        await GenerationServiceStub(channel).Generate(request)
        with pytest.raises(grpc.aio.AioRpcError):
            await GenerationServiceStub(channel).Generate(pb.GenerateRequest(text="hi", model="b-model"))
        engine.statistics.refused["deadline"] += 3
        text = await asyncio.to_thread(scraped)
        for line in (
            'askwell_requests_total{code="OK",method="GenerationService/Generate"} 1.0',
            'askwell_requests_total{code="NOT_FOUND",method="GenerationService/Generate"} 1.0',
            'askwell_request_seconds_count{method="GenerationService/Generate"} 2.0',
            "askwell_time_to_first_token_seconds_count 1.0",
            "askwell_queue_rows 2.0",
            'askwell_refusals_total{reason="deadline"} 3.0',
            'askwell_model_info{model="fake"} 1.0',
        ):
            assert line in text
        assert not any(said in text for said in ("a-tenant", "an-id", "b-model"))
    with pytest.raises(OSError, match="refused"):
        await asyncio.to_thread(scraped)


async def test_metrics_port_in_use_is_one_line():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        config = read_config(["--model", "m", "--port", "0", "--metrics-port", str(port)], {})
        with pytest.raises(
            StartError, match=f"{port} for metrics: Address already in use; choose another --m"
        ):
            await lifecycle_of(config, LivingEngine()).run()
