"""From a failed RPC to an error of ours, and whether the server lets us try again.

The server explains a refusal with ``google.rpc`` details (BadRequest, RetryInfo, RequestInfo) and says in
the ``grpc-retry-pushback-ms`` trailer (gRFC A6) when to come back; a negative one forbids to.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from askwell_client.errors import (
    AskwellError,
    ConnectError,
    DeadlineError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    ServerError,
    TransientError,
    UnavailableError,
    UnsupportedError,
    Violation,
)

_ERRORS: dict[grpc.StatusCode, type[AskwellError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.UNIMPLEMENTED: UnsupportedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: OverloadedError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
}
# How gRPC's core words what it has no status for: a channel that never came up, and a message past a limit.
_NO_CONNECTION = "failed to connect to all addresses"
_NO_HOST = ("DNS resolution failed", "errors resolving")
_TOO_LARGE = "message larger than max"


class RpcFailure(Protocol):
    """What ``grpc.RpcError`` and ``grpc.aio.AioRpcError`` both offer in truth, though not in their types."""

    def code(self) -> grpc.StatusCode: ...
    def details(self) -> str | None: ...
    def trailing_metadata(self) -> Iterable[tuple[str, str | bytes]] | None: ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """A failed attempt: the error to raise if it was the last, and whether another one may follow."""

    error: AskwellError
    may_retry: bool


def refusal_from_rpc(failure: RpcFailure, *, target: str, timeout_s: float, request_id: str) -> Refusal:
    """Reads a failed attempt of a call to ``target`` that was given ``timeout_s`` in all."""
    code, details = failure.code(), failure.details() or ""
    trailers = dict(failure.trailing_metadata() or ())
    rich = _rich_status(trailers)
    delay_s, allowed = _retry_delay(trailers, rich)

    request_id = _request_id(rich) or request_id
    error = error_from_status(code, details, request_id)
    error.retry_delay_s = delay_s
    if isinstance(error, InvalidRequestError):
        error.violations = _violations(rich)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        error.args = (f"no result from {target} within {timeout_s:g} s",)
    elif code is grpc.StatusCode.UNAVAILABLE and details.startswith(_NO_CONNECTION):
        message = f"no server at {target}; start one with: askwell-server --model DIR"
        error = ConnectError(message, status=code, details=details, request_id=request_id)
    elif code is grpc.StatusCode.UNAVAILABLE and details.startswith(_NO_HOST):
        message = f"the host of {target} cannot be found; check the address"
        error = ConnectError(message, status=code, details=details, request_id=request_id)
    elif code is grpc.StatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE in details:
        message = (
            "the message is too large to send or receive; use smaller documents or fewer prompts at once"
        )
        error = InvalidRequestError(message, status=code, details=details, request_id=request_id)
    return Refusal(error, may_retry=allowed and isinstance(error, TransientError))


def error_from_status(code: grpc.StatusCode, details: str, request_id: str) -> AskwellError:
    """The error of the tree that a status means, with the server's words as its one line."""
    message = " ".join(details.split()) or f"the server answered {code.name}"
    return _ERRORS.get(code, ServerError)(message, status=code, details=details, request_id=request_id)


def _rich_status(trailers: Mapping[str, str | bytes]) -> status_pb2.Status:
    packed = trailers.get("grpc-status-details-bin", b"")
    try:
        return status_pb2.Status.FromString(packed if isinstance(packed, bytes) else packed.encode())
    except DecodeError:  # a proxy's own idea of details: the plain status still tells what happened
        return status_pb2.Status()


def _request_id(rich: status_pb2.Status) -> str:
    info = error_details_pb2.RequestInfo()
    return next((info.request_id for detail in rich.details if detail.Unpack(info)), "")


def _violations(rich: status_pb2.Status) -> tuple[Violation, ...]:
    bad = error_details_pb2.BadRequest()
    return tuple(
        Violation(violation.field, violation.description)
        for detail in rich.details
        if detail.Unpack(bad)
        for violation in bad.field_violations
    )


def _retry_delay(trailers: Mapping[str, str | bytes], rich: status_pb2.Status) -> tuple[float | None, bool]:
    """Seconds the server asks us to wait (``None``: it names none), and whether a retry is allowed."""
    pushback = trailers.get("grpc-retry-pushback-ms")
    if pushback is not None:
        try:
            delay_ms = int(pushback)
        except ValueError:
            return None, False
        return (delay_ms / 1000, True) if delay_ms >= 0 else (None, False)
    info = error_details_pb2.RetryInfo()
    for detail in rich.details:
        if detail.Unpack(info):
            return info.retry_delay.ToTimedelta().total_seconds(), True
    return None, True
