"""What importers may rely on."""

import inspect
from types import ModuleType

import askwell_client
import pytest
from askwell.v1 import generation_pb2, interview_pb2
from askwell_client import AsyncClient, Client
from askwell_client.mirror import Mirror
from askwell_client.option import OutputOptions, SamplingOptions, StoppingOptions

METHODS = [name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")]


def test_every_public_name_is_exported_and_nothing_else() -> None:
    names = {
        name
        for name, value in vars(askwell_client).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert names == set(askwell_client.__all__)
    assert askwell_client.__all__ == sorted(askwell_client.__all__)


def test_both_clients_have_the_methods_of_the_api() -> None:
    public = [
        name for name, _ in inspect.getmembers(AsyncClient, inspect.isfunction) if not name.startswith("_")
    ]
    assert public == METHODS
    assert set(METHODS) == {
        *("generate", "stream", "generate_batch", "questions", "stream_questions"),
        *("check_question", "suggest_follow_up"),
        *("features", "tokenize", "model", "load", "health", "close"),
    }


@pytest.mark.parametrize("name", ["__init__", *METHODS])
def test_sync_and_async_methods_take_the_same_arguments(name: str) -> None:
    sync = inspect.signature(getattr(Client, name))
    asynchronous = inspect.signature(getattr(AsyncClient, name))
    assert sync.parameters == asynchronous.parameters
    given = (
        str(sync.return_annotation).replace("Generator", "AsyncGenerator").replace(", None, None]", ", None]")
    )
    assert given == str(asynchronous.return_annotation)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SamplingOptions, generation_pb2.Sampling),
        (StoppingOptions, generation_pb2.Stopping),
        (OutputOptions, generation_pb2.Output),
    ],
)
def test_options_are_the_fields_of_their_message(options: type, message: type) -> None:
    names = [name.replace("time_limit_s", "time_limit_ms") for name in options.__annotations__]
    assert names == list(message.DESCRIPTOR.fields_by_name)


MIRRORS = [
    value for value in vars(askwell_client).values() if isinstance(value, type) and issubclass(value, Mirror)
]


@pytest.mark.parametrize("mirror", MIRRORS, ids=lambda mirror: mirror.__name__)
def test_a_mirror_has_every_field_of_its_message_and_survives_the_round_trip(mirror: type[Mirror]) -> None:
    fields = inspect.signature(mirror).parameters
    assert list(fields) == list(mirror.pb.DESCRIPTOR.fields_by_name)
    empty = mirror.from_pb(mirror.pb())
    assert mirror.from_pb(empty.to_pb()) == empty
    assert mirror.from_dict(empty.to_dict()) == empty


@pytest.mark.parametrize(
    ("python", "proto"),
    [
        (askwell_client.FinishReason, generation_pb2.FinishReason),
        (askwell_client.PromptStyle, generation_pb2.PromptStyle),
        (askwell_client.Priority, generation_pb2.Priority),
        (askwell_client.MediaType, interview_pb2.MediaType),
        (askwell_client.Slot, interview_pb2.Question.Slot),
        (askwell_client.QuestionType, interview_pb2.Question.Type),
        (askwell_client.Relation, interview_pb2.Question.Relation),
        (askwell_client.Source, interview_pb2.Question.Source),
    ],
)
def test_an_enum_has_every_value_of_the_protos_enum(python: type, proto: type) -> None:
    assert len(list(python)) == len(proto.keys())
    assert all(any(name.endswith(member.value) for name in proto.keys()) for member in python)  # noqa: SIM118
