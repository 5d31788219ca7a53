"""What the interceptor promises of every call: parsed, named, admitted, and never a bare failure."""

import asyncio
import logging

import grpc
import pytest
from askwell.v1 import generation_pb2 as pb
from fake_engine import FakeEngine, Script, until

SECRET = "a résumé's private words"


async def test_bug_is_internal_and_logged_without_the_request(serve, failure_of, caplog):
    def script(row):
        raise ValueError(SECRET)

    server = await serve(FakeEngine(script))
    with caplog.at_level(logging.DEBUG), pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.generation.Generate(pb.GenerateRequest(text=SECRET, request_id="id-7"))
    failure = failure_of(caught.value)
    assert (failure.code, failure.message) == ("INTERNAL", "internal error; request id id-7")
    assert "ValueError" in caplog.text and "id-7" in caplog.text
    assert SECRET not in caplog.text


async def test_call_cancelled_from_inside_ends_with_a_status(serve):
    def script(row):
        raise asyncio.CancelledError

    server = await serve(FakeEngine(script))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.generation.Generate(pb.GenerateRequest(text="hi"), timeout=5)
    assert caught.value.code() is grpc.StatusCode.INTERNAL


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"\x1a\x02\xff\xfe"], ids=["garbage", "non-UTF-8 text"])
async def test_body_that_does_not_parse_is_the_callers_error(serve, failure_of, body):
    server = await serve()
    call = server.channel.unary_unary("/askwell.v1.GenerationService/Generate")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(body)
    assert failure_of(caught.value).code == "INVALID_ARGUMENT"
    assert failure_of(caught.value).fields == {"request": "is not a valid message; text must be UTF-8"}


async def test_invalid_request_id_is_not_logged(serve, caplog):
    server = await serve()
    with caplog.at_level(logging.DEBUG), pytest.raises(grpc.aio.AioRpcError):
        await server.generation.Generate(pb.GenerateRequest(text="hi", request_id="forged\nline"))
    assert "forged" not in caplog.text


async def test_closed_gate_refuses_new_calls_and_waits_for_those_inside(serve, failure_of):
    held = asyncio.Event()
    server = await serve(FakeEngine(lambda row: Script(held=held)))
    inside = asyncio.ensure_future(server.generation.Generate(pb.GenerateRequest(text="hi")))
    await until(lambda: server.engine.streams)
    server.gate.close()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.generation.Generate(pb.GenerateRequest(text="hi"))
    assert (failure_of(caught.value).code, failure_of(caught.value).retry_s) == ("UNAVAILABLE", 1.0)
    assert not await server.gate.emptied(0.01)
    held.set()
    assert (await inside).samples[0].text == "Hello world"
    assert await server.gate.emptied(5)


async def test_long_lists_of_violations_fit_the_trailing_metadata(serve, failure_of):
    server = await serve()
    request = pb.GenerateRequest(text="hi", stopping=pb.Stopping(stop_sequences=["x" * 300] * 16))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.generation.Generate(request)
    assert len(failure_of(caught.value).fields) == 16


@pytest.mark.parametrize("leaves", [False, True])
async def test_a_call_that_runs_into_its_deadline_is_told_apart_from_one_that_is_left(serve, leaves):
    server = await serve(FakeEngine(lambda row: Script(held=asyncio.Event())))
    call = server.generation.Generate(pb.GenerateRequest(text="hi"), timeout=30 if leaves else 0.3)
    asyncio.ensure_future(call).add_done_callback(lambda done: done.cancelled() or done.exception())
    await until(lambda: server.engine.streams)
    if leaves:
        call.cancel()
    await until(lambda: server.ended)
    assert server.ended[0][:2] == (
        "GenerationService/Generate",
        "CANCELLED" if leaves else "DEADLINE_EXCEEDED",
    )
