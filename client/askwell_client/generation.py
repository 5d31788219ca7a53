"""Results of ``GenerationService``. The meaning of each field stands in ``askwell/v1/generation.proto``."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from askwell.v1 import generation_pb2
from google.protobuf.message import Message

from askwell_client.errors import AskwellError
from askwell_client.mirror import Mirror


class FinishReason(StrEnum):
    """Why a sample ended."""

    UNSPECIFIED = "UNSPECIFIED"
    EOS = "EOS"
    MAX_TOKENS = "MAX_TOKENS"
    STOP_SEQUENCE = "STOP_SEQUENCE"
    TIME_LIMIT = "TIME_LIMIT"
    CANCELLED = "CANCELLED"
    STOP_TOKEN = "STOP_TOKEN"


@dataclass(frozen=True, slots=True)
class ChatMessage(Mirror):
    """One turn of a conversation: ``role`` is "system", "user" or "assistant"."""

    pb: ClassVar[type[Message]] = generation_pb2.ChatMessage
    role: str
    content: str


# What to continue: plain text, token ids, or a conversation for a chat model.
Prompt = str | Sequence[int] | Sequence[ChatMessage]


@dataclass(frozen=True, slots=True)
class Timing(Mirror):
    """Where the time of one sample went, in seconds."""

    pb: ClassVar[type[Message]] = generation_pb2.Timing
    queue_s: float
    prefill_s: float
    decode_s: float
    first_token_s: float


@dataclass(frozen=True, slots=True)
class Usage(Mirror):
    """What one sample cost, in tokens, and in how many batches of how many rows it ran."""

    pb: ClassVar[type[Message]] = generation_pb2.Usage
    prompt_tokens: int
    new_tokens: int
    prefix_tokens: int
    forced_tokens: int
    batch_size: int
    batches: int


@dataclass(frozen=True, slots=True)
class Sample(Mirror):
    """One finished sample."""

    pb: ClassVar[type[Message]] = generation_pb2.Sample
    index: int
    text: str
    finish_reason: FinishReason
    stop_sequence: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    timing: Timing
    usage: Usage


@dataclass(frozen=True, slots=True)
class Generation(Mirror):
    """Everything one prompt gave, ordered by sample index."""

    pb: ClassVar[type[Message]] = generation_pb2.GenerateResponse
    request_id: str
    model: str
    samples: tuple[Sample, ...]

    @property
    def text(self) -> str:
        """The first sample's text."""
        return self.samples[0].text


@dataclass(frozen=True, slots=True)
class Started(Mirror):
    """Opens a stream: the request was admitted."""

    pb: ClassVar[type[Message]] = generation_pb2.Started
    request_id: str
    model: str
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Delta(Mirror):
    """The next piece of one sample's text."""

    pb: ClassVar[type[Message]] = generation_pb2.Delta
    index: int
    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]


# A stream holds one Started, any number of Deltas, and each Sample when it is finished.
StreamEvent = Started | Delta | Sample


@dataclass(frozen=True, slots=True)
class BatchItem:
    """The answer to prompt ``index`` of a batch: either ``generation`` or ``error`` is there."""

    index: int
    generation: Generation | None
    error: AskwellError | None


@dataclass(frozen=True, slots=True)
class Tokens(Mirror):
    """A text in the model's tokens: their ids, and how the vocabulary spells them."""

    pb: ClassVar[type[Message]] = generation_pb2.TokenizeResponse
    ids: tuple[int, ...]
    tokens: tuple[str, ...]
