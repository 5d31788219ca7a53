"""A gRPC server that plays a script: real sockets, real servicers, no model.

``server.will("Generate", reply)`` queues what the next call of a method gets: a message, a ``Refusal``, a
``Hang``, or for a stream a list of them. ``server.calls`` holds every request that arrived, with the seconds
it was given; ``server.ended`` is set when a call is over, for whatever reason.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from askwell.v1 import generation_pb2_grpc, interview_pb2_grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


@dataclass(frozen=True)
class Refusal:
    """A status, with google.rpc details and trailers as the real server sends them."""

    code: grpc.StatusCode
    message: str = "no"
    details: tuple[Message, ...] = ()
    pushback_ms: str | None = None

    def trailers(self) -> list[tuple[str, str | bytes]]:
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for detail in self.details:
            status.details.add().Pack(detail)
        trailers: list[tuple[str, str | bytes]] = [("grpc-status-details-bin", status.SerializeToString())]
        if self.pushback_ms is not None:
            trailers.append(("grpc-retry-pushback-ms", self.pushback_ms))
        return trailers


def retry_info(seconds: int) -> error_details_pb2.RetryInfo:
    info = error_details_pb2.RetryInfo()
    info.retry_delay.FromSeconds(seconds)
    return info


class Hang:
    """Stands for an answer that never comes: ends when the caller gives up."""


@dataclass
class Arrival:
    method: str
    request: Any
    time_s: float


@dataclass
class FakeServer:
    port: int = 0
    calls: list[Arrival] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    script: dict[str, deque[Any]] = field(default_factory=lambda: defaultdict(deque))

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def will(self, method: str, *answers: Any) -> None:
        self.script[method].extend(answers)

    def answer(self, method: str, request: Any, context: grpc.ServicerContext) -> Any:
        context.add_callback(self.ended.set)
        self.calls.append(Arrival(method, request, context.time_remaining()))
        return self.script[method].popleft()

    def play(self, step: Any, context: grpc.ServicerContext) -> Any:
        if isinstance(step, Refusal):
            context.set_trailing_metadata(step.trailers())
            context.abort(step.code, step.message)
        if isinstance(step, Hang):
            self.ended.wait(20)
        return step


def _unary(name: str) -> Any:
    def method(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        return self.server.play(self.server.answer(name, request, context), context)

    return method


def _stream(name: str) -> Any:
    def method(self: Any, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        steps = self.server.answer(name, request, context)
        for step in steps if isinstance(steps, list) else [steps]:
            yield self.server.play(step, context)

    return method


class _Generation(generation_pb2_grpc.GenerationServiceServicer):
    def __init__(self, server: FakeServer) -> None:
        self.server = server

    Generate, Tokenize, GetModel, GetLoad = map(_unary, ("Generate", "Tokenize", "GetModel", "GetLoad"))
    GenerateStream, GenerateBatch = map(_stream, ("GenerateStream", "GenerateBatch"))


class _Interview(interview_pb2_grpc.InterviewServiceServicer):
    def __init__(self, server: FakeServer) -> None:
        self.server = server

    ExtractFeatures, GenerateQuestions, CheckQuestion, SuggestFollowUp = map(
        _unary, ("ExtractFeatures", "GenerateQuestions", "CheckQuestion", "SuggestFollowUp")
    )
    StreamQuestions = _stream("StreamQuestions")


@dataclass
class Running:
    fake: FakeServer
    grpc_server: grpc.Server
    health: health.HealthServicer

    def set_health(self, status: str) -> None:
        self.health.set("", health_pb2.HealthCheckResponse.ServingStatus.Value(status))

    def stop(self) -> None:
        self.grpc_server.stop(None).wait()


def start() -> Running:
    fake = FakeServer()
    server = grpc.server(ThreadPoolExecutor(4))
    generation_pb2_grpc.add_GenerationServiceServicer_to_server(_Generation(fake), server)
    interview_pb2_grpc.add_InterviewServiceServicer_to_server(_Interview(fake), server)
    checks = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    fake.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return Running(fake, server, checks)
