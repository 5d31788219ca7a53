"""An AskwellError as a gRPC status: code, one line, and google.rpc details that a program can read."""

from dataclasses import dataclass

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from ..errors import AskwellError, InvalidRequest

# Trailing metadata is refused by many peers above 8 KiB, and the message travels twice in it.
MESSAGE_LIMIT = 1024
VIOLATIONS_LIMIT = 16


@dataclass(frozen=True, slots=True)
class Status:
    """What ``ServicerContext.abort`` takes."""

    code: grpc.StatusCode
    message: str
    metadata: tuple[tuple[str, str | bytes], ...]


def status_from_error(error: AskwellError, request_id: str) -> Status:
    """BadRequest names the fields, RetryInfo and grpc-retry-pushback-ms the delay, RequestInfo the call."""
    code = grpc.StatusCode[error.code]
    message = shortened(error.message)
    details: list[Message] = [error_details_pb2.RequestInfo(request_id=request_id)]
    metadata: list[tuple[str, str | bytes]] = []
    if isinstance(error, InvalidRequest):
        bad = error_details_pb2.BadRequest()
        for violation in error.violations[:VIOLATIONS_LIMIT]:
            bad.field_violations.add(field=violation.field, description=violation.description)
        details.append(bad)
    if error.retry_s is not None:
        delay = Duration()
        delay.FromMilliseconds(round(error.retry_s * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        metadata.append(("grpc-retry-pushback-ms", str(delay.ToMilliseconds())))
    status = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        status.details.add().Pack(detail)
    metadata.append(("grpc-status-details-bin", status.SerializeToString()))
    return Status(code, message, tuple(metadata))


def code_number(error: AskwellError) -> int:
    """The canonical number of the error's status code."""
    number: int = grpc.StatusCode[error.code].value[0]
    return number


def shortened(message: str) -> str:
    return message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"
