"""One call as data: where it goes, what it sends, and how its answer is read. Neither client knows more."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message

from askwell_client.errors import ServerError
from askwell_client.mirror import Mirror

Result_co = TypeVar("Result_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Call(Generic[Result_co]):
    """``path`` is gRPC's /service/method; ``result`` reads one message of class ``reply``.

    ``timeout_s`` is ``None`` where the client's own is meant.
    """

    path: str
    request: Message
    reply: type[Message]
    result: Callable[[Any], Result_co]
    timeout_s: float | None = None
    request_id: str = ""


def message_to_bytes(message: Message) -> bytes:
    return message.SerializeToString()


def request_id_of(options: Mapping[str, Any]) -> str:
    """The caller's id, or a new one, so that a call which never reached the server has a name too."""
    return options.get("request_id") or uuid.uuid4().hex


def event_from_pb(message: Message, kinds: Mapping[str, type[Mirror]]) -> Any:
    """The event that a stream's message holds; ``kinds`` gives each name in its oneof a class."""
    name = message.WhichOneof("event")
    if name not in kinds:
        raise ServerError(
            "the server sent an event that this client does not know; update askwell",
            status=grpc.StatusCode.UNKNOWN,
        )
    return kinds[name].from_pb(getattr(message, name))
