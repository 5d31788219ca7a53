"""Errors, retries and deadlines, through both clients."""

import contextlib
import socket

import grpc
import pytest
from askwell.v1 import generation_pb2 as pb
from askwell_client import (
    AskwellError,
    AsyncClient,
    Client,
    ConnectError,
    DeadlineError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    ServerError,
    UnavailableError,
    UnsupportedError,
)
from client.conftest import Caller
from client.fake_server import FakeServer, Hang, Refusal, retry_info
from google.rpc import error_details_pb2
from grpc import StatusCode

OK = pb.GetModelResponse(name="m")
STARTED = pb.GenerateStreamResponse(started=pb.Started(model="m"))


@pytest.mark.parametrize(
    ("code", "error", "attempts"),
    [
        (StatusCode.INVALID_ARGUMENT, InvalidRequestError, 1),
        (StatusCode.NOT_FOUND, NotFoundError, 1),
        (StatusCode.UNIMPLEMENTED, UnsupportedError, 1),
        (StatusCode.RESOURCE_EXHAUSTED, OverloadedError, 3),
        (StatusCode.UNAVAILABLE, UnavailableError, 3),
        (StatusCode.INTERNAL, ServerError, 1),
        (StatusCode.CANCELLED, ServerError, 1),
    ],
)
def test_each_status_is_an_error_and_only_transient_ones_are_tried_again(
    call: Caller,
    server: FakeServer,
    sleeps: list[float],
    code: StatusCode,
    error: type[AskwellError],
    attempts: int,
) -> None:
    server.will("GetModel", *[Refusal(code, "because\nso")] * attempts)
    with pytest.raises(AskwellError, match=r"^because so$") as caught:
        call("model", client={"retries": 2})
    assert type(caught.value) is error
    assert (caught.value.status, caught.value.details) == (code, "because\nso")
    assert len(server.calls) == attempts
    assert len(sleeps) == attempts - 1


def test_an_invalid_request_names_its_fields_and_its_id(call: Caller, server: FakeServer) -> None:
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="sampling.top_p", description="must be above 0")
    info = error_details_pb2.RequestInfo(request_id="theirs")
    server.will("Generate", Refusal(StatusCode.INVALID_ARGUMENT, "top_p", (info, bad)))
    with pytest.raises(InvalidRequestError) as caught:
        call("generate", "Once")
    (violation,) = caught.value.violations
    assert (violation.field, violation.description) == ("sampling.top_p", "must be above 0")
    assert caught.value.request_id == "theirs"


@pytest.mark.parametrize(
    ("refusal", "pause_s"),
    [
        (Refusal(StatusCode.UNAVAILABLE, details=(retry_info(3),)), 3),
        (Refusal(StatusCode.RESOURCE_EXHAUSTED, pushback_ms="1500"), 1.5),
        (Refusal(StatusCode.RESOURCE_EXHAUSTED, details=(retry_info(3),), pushback_ms="250"), 0.25),
        (Refusal(StatusCode.UNAVAILABLE, pushback_ms="0"), 0),
    ],
)
def test_a_retry_waits_as_long_as_the_server_says(
    call: Caller, server: FakeServer, sleeps: list[float], refusal: Refusal, pause_s: float
) -> None:
    server.will("GetModel", refusal, OK)
    assert call("model").name == "m"
    assert sleeps == [pause_s]


def test_a_call_that_is_tried_again_keeps_the_id_it_was_given_or_made_for_it(
    call: Caller, server: FakeServer, sleeps: list[float]
) -> None:
    for options in ({}, {"request_id": "mine"}):
        server.will("Generate", *[Refusal(StatusCode.UNAVAILABLE)] * 2, pb.GenerateResponse())
        call("generate", "Once", **options)
    made, given = server.calls[:3], server.calls[3:]
    assert len({arrival.request.request_id for arrival in made}) == 1 and made[0].request.request_id
    assert [arrival.request.request_id for arrival in given] == ["mine"] * 3


@pytest.mark.parametrize("pushback", ["-1", "soon"])
def test_a_negative_pushback_forbids_the_retry(call: Caller, server: FakeServer, pushback: str) -> None:
    server.will("GetModel", Refusal(StatusCode.UNAVAILABLE, pushback_ms=pushback))
    with pytest.raises(UnavailableError):
        call("model")
    assert len(server.calls) == 1


def test_without_a_delay_the_pauses_grow_with_a_random_half(
    call: Caller, server: FakeServer, sleeps: list[float]
) -> None:
    server.will("GetModel", *[Refusal(StatusCode.UNAVAILABLE)] * 3, OK)
    call("model", client={"retries": 3})
    assert all(
        longest / 2 <= pause <= longest for pause, longest in zip(sleeps, (0.2, 0.4, 0.8), strict=True)
    )


def test_no_retry_starts_after_the_deadline(call: Caller, server: FakeServer, sleeps: list[float]) -> None:
    server.will("GetModel", Refusal(StatusCode.RESOURCE_EXHAUSTED, details=(retry_info(30),)))
    with pytest.raises(OverloadedError) as caught:
        call("model", timeout_s=20)
    assert caught.value.retry_delay_s == 30
    assert sleeps == []


def test_a_stream_is_tried_again_before_its_first_message(
    call: Caller, server: FakeServer, sleeps: list[float]
) -> None:
    server.will("GenerateStream", Refusal(StatusCode.UNAVAILABLE, pushback_ms="5"), [STARTED])
    assert len(call("stream", "Once")) == 1
    assert sleeps == [0.005]


def test_a_stream_that_has_begun_is_not_tried_again(call: Caller, server: FakeServer) -> None:
    server.will("GenerateStream", [STARTED, Refusal(StatusCode.UNAVAILABLE, "engine died", pushback_ms="5")])
    with pytest.raises(UnavailableError, match="engine died"):
        call("stream", "Once")
    assert len(server.calls) == 1


def test_a_deadline_says_how_long_was_waited(call: Caller, server: FakeServer) -> None:
    server.will("GetModel", Hang())
    with pytest.raises(DeadlineError, match=rf"^no result from {server.target} within 0.2 s$"):
        call("model", timeout_s=0.2)


def test_an_oversized_message_is_the_callers_to_change(call: Caller, server: FakeServer) -> None:
    server.will(
        "GetModel", Refusal(StatusCode.RESOURCE_EXHAUSTED, "SERVER: Received message larger than max")
    )
    with pytest.raises(InvalidRequestError, match="smaller documents"):
        call("model")
    assert len(server.calls) == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_where_nothing_listens_the_error_says_how_to_start_a_server(kind: str) -> None:
    with socket.socket() as bound:  # bound and not listening: nobody else takes the port
        bound.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(ConnectError, match=f"^no server at {target}; start one with: askwell-server"):
            Caller(kind, target)("model", client={"retries": 0})


@pytest.mark.parametrize("target", ["localhost", "http://localhost:1", "host:0", "host:99999", "", "a b:1"])
def test_a_malformed_address_is_refused_at_once(target: str) -> None:
    for client in (Client, AsyncClient):
        with pytest.raises(ValueError, match="HOST:PORT"):
            client(target)


def test_a_timeout_must_be_positive_and_finite(call: Caller) -> None:
    for wrong in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="timeout_s"):
            call("model", timeout_s=wrong)


def test_closing_a_stream_ends_the_call_on_the_server(server: FakeServer) -> None:
    server.will("GenerateStream", [STARTED, Hang()])
    with Client(server.target) as client, contextlib.closing(client.stream("Once")) as events:
        next(events)
        assert not server.ended.is_set()
        events.close()
        assert server.ended.wait(10)


async def test_closing_an_async_stream_ends_the_call_on_the_server(server: FakeServer) -> None:
    server.will("GenerateStream", [STARTED, Hang()])
    async with AsyncClient(server.target) as client:
        async with contextlib.aclosing(client.stream("Once")) as events:
            await anext(events)
            assert not server.ended.is_set()
        assert server.ended.wait(10)


def test_an_event_from_the_future_asks_for_an_update(call: Caller, server: FakeServer) -> None:
    server.will("GenerateStream", [pb.GenerateStreamResponse()])
    with pytest.raises(ServerError, match="update askwell") as caught:
        call("stream", "Once")
    assert caught.value.status is grpc.StatusCode.UNKNOWN
