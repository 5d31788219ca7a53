"""What generation calls send, and what they make of the answers."""

import pytest
from askwell.v1 import generation_pb2 as pb
from askwell_client import (
    ChatMessage,
    Delta,
    FinishReason,
    Health,
    InvalidRequestError,
    NotFoundError,
    Priority,
    PromptStyle,
    Sample,
    Started,
)
from client.conftest import Caller
from client.fake_server import FakeServer, Running


def sample(index: int = 0, text: str = " a story") -> pb.Sample:
    return pb.Sample(index=index, text=text, finish_reason=pb.FINISH_REASON_EOS, usage=pb.Usage(new_tokens=3))


def test_generate_sends_every_option_in_its_own_message(call: Caller, server: FakeServer) -> None:
    server.will("Generate", pb.GenerateResponse(request_id="r1", model="m", samples=[sample()]))
    result = call(
        "generate",
        "Once",
        request_id="r1",
        temperature=0.0,
        top_k=0,
        num_beams=2,
        max_new_tokens=9,
        stop_sequences=["END"],
        stop_token_ids=(5, 6),
        time_limit_s=1.5,
        suppress=["never"],
        priority=Priority.INTERACTIVE,
        tenant="hr",
        reproducible=True,
        logprobs=True,
        num_return=1,
        timeout_s=7,
    )
    assert server.calls[0].request == pb.GenerateRequest(
        request_id="r1",
        text="Once",
        sampling=pb.Sampling(temperature=0, top_k=0, num_beams=2, suppress=["never"]),
        stopping=pb.Stopping(
            max_new_tokens=9, stop_sequences=["END"], stop_token_ids=[5, 6], time_limit_ms=1500
        ),
        priority=pb.PRIORITY_INTERACTIVE,
        tenant="hr",
        reproducible=True,
        output=pb.Output(logprobs=True),
        num_return=1,
    )
    assert 5 < server.calls[0].time_s < 8
    assert (result.text, result.samples[0].finish_reason) == (" a story", FinishReason.EOS)
    assert result.samples[0].usage.new_tokens == 3


def test_options_left_out_are_left_to_the_server(call: Caller, server: FakeServer) -> None:
    server.will("Generate", pb.GenerateResponse(samples=[sample()]))
    call("generate", "Once")
    request = server.calls[0].request
    assert request.request_id
    request.ClearField("request_id")
    assert request == pb.GenerateRequest(text="Once")


@pytest.mark.parametrize(
    ("prompt", "request_"),
    [
        ([5, 6], pb.GenerateRequest(tokens=pb.TokenIds(ids=[5, 6]))),
        ([], pb.GenerateRequest(tokens=pb.TokenIds())),
        (
            [ChatMessage("user", "hi")],
            pb.GenerateRequest(chat=pb.Chat(messages=[pb.ChatMessage(role="user", content="hi")])),
        ),
    ],
    ids=["tokens", "no tokens", "chat"],
)
def test_a_prompt_may_be_tokens_or_a_conversation(
    call: Caller, server: FakeServer, prompt: object, request_: pb.GenerateRequest
) -> None:
    server.will("Generate", pb.GenerateResponse())
    call("generate", prompt, request_id="r")
    request_.request_id = "r"
    assert server.calls[0].request.tokens == request_.tokens
    assert server.calls[0].request.chat == request_.chat


def test_a_stream_gives_started_deltas_and_the_finished_sample(call: Caller, server: FakeServer) -> None:
    events = [
        pb.GenerateStreamResponse(started=pb.Started(request_id="r", model="m", prompt_tokens=4)),
        pb.GenerateStreamResponse(delta=pb.Delta(text=" a", token_ids=[7])),
        pb.GenerateStreamResponse(delta=pb.Delta(text=" story")),
        pb.GenerateStreamResponse(finished=sample()),
    ]
    server.will("GenerateStream", events)
    started, first, second, finished = call("stream", "Once")
    assert started == Started("r", "m", 4)
    assert first == Delta(0, " a", (7,), ())
    assert isinstance(finished, Sample)
    assert first.text + second.text == finished.text


def test_a_failed_prompt_of_a_batch_is_an_item_with_an_error(call: Caller, server: FakeServer) -> None:
    failed = pb.GenerateBatchResponse(index=1, error=pb.BatchError(code=5, message="no such model"))
    done = pb.GenerateBatchResponse(index=0, response=pb.GenerateResponse(samples=[sample()]))
    server.will("GenerateBatch", [failed, done])
    first, second = call("generate_batch", ["a", "b"], request_id="r", max_new_tokens=5)
    assert (first.index, first.generation, str(first.error)) == (1, None, "no such model")
    assert isinstance(first.error, NotFoundError)
    assert (second.index, second.generation.text, second.error) == (0, " a story", None)
    ids = [each.request_id for each in server.calls[0].request.requests]
    assert ids == ["r-0", "r-1"]


def test_the_server_describes_itself(call: Caller, running: Running) -> None:
    running.fake.will("GetModel", pb.GetModelResponse(name="m", prompt_style=pb.PROMPT_STYLE_CHAT))
    running.fake.will("GetLoad", pb.GetLoadResponse(queued_rows=3, engines=1, predicted_wait_s=0.5))
    running.fake.will("Tokenize", pb.TokenizeResponse(ids=[1, 2], tokens=["a", "b"]))
    assert call("model").prompt_style is PromptStyle.CHAT
    load = call("load")
    assert (load.queued_rows, load.predicted_wait_s, load.prediction_error) == (3, 0.5, None)
    assert call("tokenize", "ab").tokens == ("a", "b")


@pytest.mark.parametrize("status", ["SERVING", "NOT_SERVING"])
def test_health_reads_the_standard_health_service(call: Caller, running: Running, status: str) -> None:
    running.set_health(status)
    assert call("health") is Health(status)


def test_a_value_that_a_field_cannot_hold_is_refused_before_sending(call: Caller, server: FakeServer) -> None:
    wrong = [
        ({"num_beams": -1}, "sampling.num_beams"),
        ({"max_new_tokens": "many"}, "stopping.max_new_tokens"),
        ({"stop_sequences": "END"}, "stopping.stop_sequences"),
        ({"num_return": 2**40}, "num_return"),
        ({"priority": "urgent"}, "priority"),
        ({"time_limit_s": float("inf")}, "stopping.time_limit_ms"),
        ({"stop_token_ids": 5}, "stopping.stop_token_ids"),
        ({"suppress": "never"}, "sampling.suppress"),
    ]
    for options, field in wrong:
        with pytest.raises(InvalidRequestError) as caught:
            call("generate", "Once", **options)
        assert [violation.field for violation in caught.value.violations] == [field]
    with pytest.raises(InvalidRequestError, match="surrogate"):
        call("generate", "\ud800")
    with pytest.raises(InvalidRequestError, match="tokens"):
        call("generate", [-1])
    assert server.calls == []


def test_an_unknown_option_names_the_nearest_one(call: Caller) -> None:
    with pytest.raises(TypeError, match="did you mean 'temperature'"):
        call("generate", "Once", temprature=1)
