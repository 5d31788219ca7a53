"""GenerateBatch over a real channel and a scripted engine: items fail one by one."""

import asyncio

import grpc
import pytest
from askwell.v1 import generation_pb2 as pb
from askwell_server.errors import InvalidRequest, ServerFault, Unavailable
from fake_engine import FakeEngine, Script


async def test_batch_answers_each_item_by_itself(serve):
    def script(row):
        errors = {b"dies": Unavailable("the engine died"), b"kills": ServerFault("it crashes the engine")}
        return Script(error=errors.get(bytes(row.prompt)))

    server = await serve(FakeEngine(script))
    requests = [
        pb.GenerateRequest(text="fine", request_id="a"),
        pb.GenerateRequest(text="", request_id="b"),
        pb.GenerateRequest(text="dies"),
        pb.GenerateRequest(text="x", model="other"),
        pb.GenerateRequest(text="kills"),
    ]
    call = server.generation.GenerateBatch(pb.GenerateBatchRequest(requests=requests))
    answers = {answer.index: answer async for answer in call}
    assert answers[0].response.samples[0].text == "Hello world"
    assert (answers[1].error.code, answers[1].error.message) == (3, "requests[1].text: must not be empty")
    assert answers[2].error.code == 14
    assert answers[3].error.code == 5 and "'fake'" in answers[3].error.message
    assert (answers[4].error.code, answers[4].error.message) == (13, "it crashes the engine")
    assert server.engine.submits == [3]


async def test_full_queue_admits_the_items_that_fit(serve):
    server = await serve(FakeEngine(queue_limit=2))
    requests = [pb.GenerateRequest(text="hi") for _ in range(3)]
    call = server.generation.GenerateBatch(pb.GenerateBatchRequest(requests=requests))
    answers = {answer.index: answer async for answer in call}
    assert [answers[i].WhichOneof("result") for i in range(3)] == ["response", "response", "error"]
    assert answers[2].error.code == 8
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(server.generation.GenerateBatch(pb.GenerateBatchRequest(requests=requests))))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def refusing(errors):
    """``submit`` of an engine that refuses whatever holds one of these prompts."""
    plain = FakeEngine.submit

    def submit(engine, rows):
        for row in rows:
            if error := errors.get(bytes(row.prompt)):
                raise error
        return plain(engine, rows)

    return submit


CRASH = ServerFault("it ended the engine before")
LARGE = InvalidRequest.of("max_new_tokens", "needs more memory than there is")


async def test_a_prompt_that_the_engine_refuses_does_not_refuse_the_others(serve, monkeypatch):
    monkeypatch.setattr(FakeEngine, "submit", refusing({b"crash": CRASH, b"large": LARGE}))
    server = await serve()
    requests = [pb.GenerateRequest(text=text) for text in ("crash", "fine", "large")]
    call = server.generation.GenerateBatch(pb.GenerateBatchRequest(requests=requests))
    answers = {answer.index: answer async for answer in call}
    assert answers[1].response.samples[0].text == "Hello world"
    assert (answers[0].error.code, answers[0].error.message) == (13, CRASH.message)
    assert answers[2].error.code == 3
    assert answers[2].error.message.startswith("requests[2].max_new_tokens: needs more")
    only = server.generation.GenerateBatch(pb.GenerateBatchRequest(requests=requests[:1]))
    assert [answer.error.code async for answer in only] == [13]


async def test_rows_of_a_batch_whose_admission_breaks_off_are_given_up(serve, monkeypatch):
    errors = {b"crash": CRASH, b"bug": ValueError("a bug")}
    monkeypatch.setattr(FakeEngine, "submit", refusing(errors))
    server = await serve(FakeEngine(lambda row: Script(held=asyncio.Event())))
    requests = [pb.GenerateRequest(text=text) for text in ("crash", "fine", "bug")]
    call = server.generation.GenerateBatch(pb.GenerateBatchRequest(requests=requests))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert [stream.cancelled for stream in server.engine.streams] == [True]
