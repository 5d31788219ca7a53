"""GenerationService over a real channel and a scripted engine."""

import asyncio
from dataclasses import replace
from time import monotonic

import grpc
import pytest
from askwell.v1 import generation_pb2 as pb
from askwell_server.engine.row import Options, Priority, Reason
from askwell_server.errors import DeadlinePassed, QueueFull, ServerFault, Unavailable
from certificates import CERTIFICATE
from fake_engine import MANIFEST, ByteTokenizer, FakeEngine, Script, until
from google.protobuf import json_format


async def test_generate_returns_every_sample_in_order(serve):
    engine = FakeEngine(lambda row: Script(("a", "b"), Reason.EOS))
    server = await serve(engine)
    request = pb.GenerateRequest(text="hi", num_return=3, output=pb.Output(token_ids=True), request_id="r1")
    response = await server.generation.Generate(request)
    assert (response.request_id, response.model) == ("r1", "fake")
    assert [sample.index for sample in response.samples] == [0, 1, 2]
    assert engine.submits == [3]
    sample = response.samples[0]
    assert (sample.text, sample.finish_reason) == ("ab", pb.FINISH_REASON_EOS)
    assert list(sample.token_ids) == [1, 2] and not sample.logprobs
    assert json_format.MessageToDict(sample.usage, preserving_proto_field_name=True) == {
        "prompt_tokens": 2, "new_tokens": 2, "prefix_tokens": 3, "forced_tokens": 2, "batch_size": 4,
        "batches": 1,
    }  # fmt: skip
    assert sample.timing.first_token_s == 0.4


async def test_other_calls_go_on_while_a_batch_is_read(serve, monkeypatch):
    loop, turns, seen = asyncio.get_running_loop(), [0], []

    def turn():
        turns[0] += 1
        if len(seen) < 8:
            loop.call_soon(turn)

    def encode(tokenizer, text, *, specials):
        seen.append(turns[0])
        return (1, 2)

    server = await serve()
    monkeypatch.setattr(ByteTokenizer, "encode", encode)
    turn()
    request = pb.GenerateBatchRequest(requests=[pb.GenerateRequest(text="hi")] * 8)
    async for _ in server.generation.GenerateBatch(request):
        pass
    assert len(set(seen)) == 8


async def test_unset_fields_take_the_documented_defaults(serve):
    server = await serve()
    await server.generation.Generate(pb.GenerateRequest(text="hi"))
    row = server.engine.streams[0].row
    assert row.options == Options(1.0, 50, 0.95, 1.0, 0, 1, False, (), False)
    assert (row.max_new_tokens, row.min_new_tokens, row.stops, row.stop_ids) == (64, 0, (), ())
    assert (row.deadline_s, row.limit_s, row.priority, row.tenant) == (None, None, Priority.NORMAL, "")
    assert row.request_id


async def test_rows_carry_what_the_request_asks_of_them(serve):
    server = await serve()
    request = pb.GenerateRequest(
        text="hi",
        priority=pb.PRIORITY_INTERACTIVE,
        tenant="hr",
        reproducible=True,
        stopping=pb.Stopping(min_new_tokens=2, stop_token_ids=[7, 3, 7], time_limit_ms=1500),
    )
    before = monotonic()
    await server.generation.Generate(request)
    row = server.engine.streams[0].row
    assert (row.priority, row.tenant, row.options.reproducible) == (Priority.INTERACTIVE, "hr", True)
    assert (row.min_new_tokens, row.stop_ids) == (2, (3, 7))
    assert before + 1.5 <= row.limit_s <= monotonic() + 1.5


@pytest.mark.parametrize("manifest", [MANIFEST, replace(MANIFEST, add_bos=True, bos_token="<s>")])
async def test_suppressed_texts_are_barred_as_they_stand_and_after_a_space(serve, monkeypatch, manifest):
    plain = ByteTokenizer.encode

    def encode(tokenizer, text, *, specials):
        return ((256,) if manifest.add_bos else ()) + plain(tokenizer, text, specials=specials)

    server = await serve(manifest=manifest)
    monkeypatch.setattr(ByteTokenizer, "encode", encode)
    for suppress in (["b", "a<|im_end|>"], ["a<|im_end|>", "b", "b"]):
        sampling = pb.Sampling(suppress=suppress)
        await server.generation.Generate(pb.GenerateRequest(text="hi", sampling=sampling))
    first, second = (stream.row.options for stream in server.engine.streams)
    spelled = b"b", b" b", b"a<|im_end|>", b" a<|im_end|>"
    assert first == second and set(first.suppressed) == {tuple(text) for text in spelled}


async def test_spelled_out_defaults_share_a_batch_with_unset_ones(serve):
    server = await serve()
    sampling = pb.Sampling(temperature=1.0, top_k=50, top_p=0.95, repetition_penalty=1.0, num_beams=1)
    await server.generation.Generate(pb.GenerateRequest(text="hi", sampling=sampling))
    await server.generation.Generate(pb.GenerateRequest(text="hi"))
    assert server.engine.streams[0].row.options == server.engine.streams[1].row.options


@pytest.mark.parametrize("sampling", [pb.Sampling(temperature=0, top_p=0.5), pb.Sampling(top_k=1, seed=7)])
async def test_all_ways_to_ask_for_greedy_are_one(serve, sampling):
    server = await serve()
    await server.generation.Generate(pb.GenerateRequest(text="hi", sampling=sampling))
    options = server.engine.streams[0].row.options
    assert options.greedy and (options.temperature, options.top_k, options.top_p) == (0.0, 1, 1.0)


async def test_default_max_new_tokens_is_what_the_positions_leave(serve):
    server = await serve(manifest=replace(MANIFEST, positions=70))
    await server.generation.Generate(pb.GenerateRequest(text="x" * 60))
    assert server.engine.streams[0].row.max_new_tokens == 10


async def test_stream_starts_then_gives_deltas_then_finishes(serve):
    server = await serve()
    events = [e async for e in server.generation.GenerateStream(pb.GenerateRequest(text="hi", num_return=2))]
    kinds = [event.WhichOneof("event") for event in events]
    assert kinds[0] == "started" and events[0].started.prompt_tokens == 2
    assert sorted(kinds[1:]) == ["delta"] * 4 + ["finished"] * 2
    for index in (0, 1):
        text = "".join(e.delta.text for e in events if e.HasField("delta") and e.delta.index == index)
        (finished,) = (e.finished for e in events if e.HasField("finished") and e.finished.index == index)
        assert text == finished.text == "Hello world"


async def test_a_deadline_that_cannot_be_met_is_refused_with_the_wait_it_would_take(
    serve, failure_of, monkeypatch
):
    def submit(engine, rows):
        raise QueueFull("it would take 2.5 s", retry_s=2.5)

    server = await serve()
    monkeypatch.setattr(FakeEngine, "submit", submit)
    item = pb.GenerateRequest(text="hi")
    calls = (
        server.generation.Generate(item),
        server.generation.GenerateStream(item).read(),
        server.generation.GenerateBatch(pb.GenerateBatchRequest(requests=[item, item])).read(),
    )
    for call in calls:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        failure = failure_of(caught.value)
        assert (failure.code, failure.retry_s, failure.pushback_ms) == ("RESOURCE_EXHAUSTED", 2.5, "2500")


async def test_refused_stream_sends_nothing_and_says_when_to_retry(serve, failure_of):
    server = await serve(FakeEngine(queue_limit=1, script=lambda row: Script()))
    await server.generation.Generate(pb.GenerateRequest(text="hi"))
    call = server.generation.GenerateStream(pb.GenerateRequest(text="hi", request_id="mine"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(call))
    failure = failure_of(caught.value)
    assert (failure.code, failure.retry_s, failure.pushback_ms) == ("RESOURCE_EXHAUSTED", 1.5, "1500")
    assert failure.request_id == "mine"


@pytest.mark.parametrize("num_return", [1, 3])
async def test_client_that_leaves_a_stream_ends_its_rows(serve, num_return):
    never = asyncio.Event()
    server = await serve(FakeEngine(lambda row: Script(held=never)))
    call = server.generation.GenerateStream(pb.GenerateRequest(text="hi", num_return=num_return))
    await call.read()
    call.cancel()
    await until(lambda: len(server.engine.streams) and all(s.cancelled for s in server.engine.streams))
    await until(lambda: server.gate.inside == 0)


async def test_client_that_leaves_a_unary_call_ends_its_rows(serve):
    never = asyncio.Event()
    server = await serve(FakeEngine(lambda row: Script(held=never)))
    call = asyncio.ensure_future(server.generation.Generate(pb.GenerateRequest(text="hi", num_return=2)))
    await until(lambda: len(server.engine.streams) == 2)
    call.cancel()
    await until(lambda: all(stream.cancelled for stream in server.engine.streams))


async def test_deadline_reaches_the_rows_and_ends_them(serve):
    never = asyncio.Event()
    server = await serve(FakeEngine(lambda row: Script(held=never)))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.generation.Generate(pb.GenerateRequest(text="hi"), timeout=0.3)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert server.engine.streams[0].row.deadline_s is not None
    await until(lambda: server.engine.streams[0].cancelled)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DeadlinePassed("died in the queue"), "DEADLINE_EXCEEDED"),
        (Unavailable("gone", retry_s=1), "UNAVAILABLE"),
        (ServerFault("it crashes the engine"), "INTERNAL"),
    ],
)
async def test_failing_row_fails_its_call_with_its_own_status(serve, failure_of, error, code):
    server = await serve(FakeEngine(lambda row: Script(error=error)))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.generation.Generate(pb.GenerateRequest(text="hi", num_return=2))
    failure = failure_of(caught.value)
    assert failure.code == code and failure.message.startswith(error.message)


async def test_no_request_walks_over_the_queue(serve, monkeypatch):
    server = await serve()
    monkeypatch.setattr(FakeEngine, "load", None)
    await server.generation.Generate(pb.GenerateRequest(text="hi"))


async def test_chat_is_rendered_with_the_models_template(serve):
    server = await serve()
    chat = pb.Chat(messages=[pb.ChatMessage(role="user", content="hi")])
    await server.generation.Generate(pb.GenerateRequest(chat=chat))
    expected = (256, *b"user\nhi", 257, *b"\n", 256, *b"assistant\n")
    assert server.engine.streams[0].row.prompt == expected


async def test_tokenize_get_model_and_get_load(serve):
    server = await serve()
    tokens = await server.generation.Tokenize(pb.TokenizeRequest(text="ab<|im_end|>"))
    assert (list(tokens.ids), list(tokens.tokens)) == ([97, 98, 257], ["a", "b", "<|im_end|>"])
    model = await server.generation.GetModel(pb.GetModelRequest(model="fake"))
    assert (model.name, model.positions, model.prompt_style) == ("fake", 512, pb.PROMPT_STYLE_CHAT)
    assert (model.compute_type, list(model.devices), model.weight_range) == ("int8_float32", ["cpu"], 63)
    assert not model.HasField("certificate")
    load = await server.generation.GetLoad(pb.GetLoadRequest())
    assert (load.queued_rows, load.queue_limit, load.ready_engines) == (2, 1024, 1)
    assert (load.predicted_wait_s, load.capacity_tokens_s) == (0.25, 90.0)
    assert not load.HasField("prediction_error")


async def test_certificate_is_shown_as_long_as_it_is_of_these_weights(serve):
    server = await serve(manifest=replace(MANIFEST, certificate=CERTIFICATE))
    certificate = (await server.generation.GetModel(pb.GetModelRequest())).certificate
    assert (certificate.perplexity_ratio, certificate.mean_kl, certificate.tokens) == (1.02, 0.021, 20_000)
    assert (certificate.same_top1_interval.low, certificate.same_top1_interval.high) == (0.88, 0.92)
    assert certificate.instruction_set == "MKL with VNNI, kernels AVX2"
    other = await serve(manifest=replace(MANIFEST, certificate=replace(CERTIFICATE, model_sha256="ef" * 32)))
    assert not (await other.generation.GetModel(pb.GetModelRequest())).HasField("certificate")
