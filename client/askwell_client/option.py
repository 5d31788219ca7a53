"""Every option of a call, written down once for the sync client, the async client and the requests.

An option has the name and the meaning of its proto field, and one left out takes the server's default.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from math import ceil
from typing import Any, Literal, TypedDict

from google.protobuf.message import Message

from askwell_client.errors import InvalidRequestError
from askwell_client.interview import Question
from askwell_client.mirror import enum_number


class Priority(StrEnum):
    """Whose rows are served first when others wait."""

    UNSPECIFIED = "UNSPECIFIED"
    INTERACTIVE = "INTERACTIVE"
    NORMAL = "NORMAL"
    BATCH = "BATCH"


class Mode(StrEnum):
    """What an interview is for."""

    UNSPECIFIED = "UNSPECIFIED"
    STRUCTURED = "STRUCTURED"
    MIXED = "MIXED"
    MOCK = "MOCK"
    BANK = "BANK"


class CallOptions(TypedDict, total=False):
    """``timeout_s`` bounds the whole call, retries included; it replaces the client's own.

    ``request_id`` is made where it is left out, and stays the same over retries. ``tenant`` is who asks:
    tenants of the same priority take turns.
    """

    timeout_s: float
    request_id: str
    model: str
    priority: Priority | Literal["interactive", "normal", "batch"]
    tenant: str


class SamplingOptions(TypedDict, total=False):
    """How tokens are chosen (proto: Sampling)."""

    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float
    no_repeat_ngram_size: int
    num_beams: int
    seed: int
    suppress: Iterable[str]


class StoppingOptions(TypedDict, total=False):
    """When generation ends (proto: Stopping, whose ``time_limit_ms`` is given in seconds here)."""

    max_new_tokens: int
    min_new_tokens: int
    stop_sequences: Iterable[str]
    include_stop: bool
    stop_token_ids: Iterable[int]
    time_limit_s: float


class OutputOptions(TypedDict, total=False):
    """What comes back besides text (proto: Output)."""

    token_ids: bool
    logprobs: bool


class GenerateOptions(CallOptions, SamplingOptions, StoppingOptions, OutputOptions, total=False):
    """Options of ``generate``, ``stream`` and ``generate_batch``."""

    num_return: int
    reproducible: bool


class QuestionOptions(CallOptions, SamplingOptions, total=False):
    """Options of ``questions`` and ``stream_questions``.

    ``core_questions`` are the core of an earlier result for the same job, to be reused word for word.
    ``minutes`` is the budget of the whole interview. With ``mode`` "bank" the résumé may be None.
    ``jurisdictions`` as in ``check_question``: by whose law nothing is asked that must not be.
    """

    count: int
    mode: Mode | Literal["structured", "mixed", "mock", "bank"]
    minutes: int
    core_questions: Iterable[Question]
    max_new_tokens: int
    num_return: int
    include_text: bool
    jurisdictions: Iterable[str]


class FollowUpOptions(CallOptions, SamplingOptions, total=False):
    """Options of ``suggest_follow_up``. ``competency`` is what a question given as plain text probes.
    ``jurisdictions`` as in ``QuestionOptions``.
    """

    competency: str
    max_new_tokens: int
    num_return: int
    jurisdictions: Iterable[str]


def refuse_unknown(options: Mapping[str, Any], allowed: type) -> None:
    """Raises ``TypeError`` naming the nearest option, as Python does for a mistyped argument."""
    known = allowed.__annotations__
    for name in options:
        if name not in known:
            nearest = get_close_matches(name, known, n=1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise TypeError(f"no option is called {name!r}{hint}")


def options_to_pb(message: Message, options: Mapping[str, Any], names: Iterable[str], path: str = "") -> None:
    """Sets those of ``names`` that are given on ``message``, under the same names; seconds as milliseconds.

    Raises ``InvalidRequestError`` for a value that the field cannot hold, such as a negative count; ``path``
    is where ``message`` stands in the request.
    """
    for name in names:
        if name not in options:
            continue
        field = "time_limit_ms" if name == "time_limit_s" else name
        try:
            _set(message, field, options[name])
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidRequestError.of(path + field, str(error)) from None


def _set(message: Message, field: str, value: Any) -> None:
    if field == "time_limit_ms":
        setattr(message, field, ceil(1000 * value))
    elif field == "priority":
        setattr(message, field, enum_number(type(message), field, Priority(str(value).upper())))
    elif field == "mode":
        setattr(message, field, enum_number(type(message), field, Mode(str(value).upper())))
    elif field not in ("stop_sequences", "stop_token_ids", "suppress", "jurisdictions"):
        setattr(message, field, value)
    elif isinstance(value, str):
        raise TypeError("give a list of texts, not one text")
    else:
        getattr(message, field).extend(value)
