"""What the server tells about itself: its model, its load, its health."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from askwell.v1 import generation_pb2
from google.protobuf.message import Message

from askwell_client.mirror import Mirror


class PromptStyle(StrEnum):
    """How a model wants to be asked: BASE continues text, CHAT follows instructions."""

    UNSPECIFIED = "UNSPECIFIED"
    BASE = "BASE"
    CHAT = "CHAT"


@dataclass(frozen=True, slots=True)
class Interval(Mirror):
    """Both ends of an interval."""

    pb: ClassVar[type[Message]] = generation_pb2.Interval
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Certificate(Mirror):
    """What quantization did to the model: beside its unquantized source, over the same tokens of a text."""

    pb: ClassVar[type[Message]] = generation_pb2.Certificate
    perplexity_ratio: float
    perplexity_ratio_interval: Interval
    mean_kl: float
    mean_kl_interval: Interval
    same_top1: float
    same_top1_interval: Interval
    same_top5: float
    same_top5_interval: Interval
    largest_deviation: float
    tokens: int
    text_sha256: str
    device: str
    compute_type: str
    instruction_set: str
    date: str


@dataclass(frozen=True, slots=True)
class ModelInfo(Mirror):
    """The model that is served. ``certificate`` is None when nobody has measured it."""

    pb: ClassVar[type[Message]] = generation_pb2.GetModelResponse
    name: str
    architecture: str
    source: str
    revision: str
    positions: int
    vocabulary_size: int
    prompt_style: PromptStyle
    quantization: str
    weight_range: int
    compute_type: str
    devices: tuple[str, ...]
    sha256: str
    server_version: str
    certificate: Certificate | None


@dataclass(frozen=True, slots=True)
class Load(Mirror):
    """How busy the server is, in rows and engine processes, and how long a row would wait now."""

    pb: ClassVar[type[Message]] = generation_pb2.GetLoadResponse
    queued_rows: int
    running_rows: int
    queue_limit: int
    ready_engines: int
    engines: int
    predicted_wait_s: float
    capacity_tokens_s: float
    prediction_error: float | None


class Health(StrEnum):
    """What the server's health service says. Requests are answered only while SERVING."""

    UNKNOWN = "UNKNOWN"
    SERVING = "SERVING"
    NOT_SERVING = "NOT_SERVING"
    SERVICE_UNKNOWN = "SERVICE_UNKNOWN"
