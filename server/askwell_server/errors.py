"""What can go wrong with a request, as the whole server sees it.

    AskwellError
    ├── the caller's to change
    │   ├── InvalidRequest      INVALID_ARGUMENT    names every field that is wrong
    │   ├── ModelNotFound       NOT_FOUND
    │   └── NotSupported        UNIMPLEMENTED       asks for what the engine cannot do
    ├── the caller's to retry
    │   ├── QueueFull           RESOURCE_EXHAUSTED  says when to come back
    │   └── Unavailable         UNAVAILABLE         loading, draining or restarting
    ├── DeadlinePassed          DEADLINE_EXCEEDED   died before it ran
    └── ServerFault             INTERNAL            our bug; never carries document text

``rpc.interceptor`` turns each into its gRPC status with details. Nothing here imports grpc.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that is wrong: its path in the request's proto names, and one line on what is wrong."""

    field: str
    description: str


class AskwellError(Exception):
    """A request that ends without a result. ``code`` names a canonical gRPC status."""

    code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, retry_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_s = retry_s


class InvalidRequest(AskwellError):
    """The request breaks a rule of the API; every broken field is named."""

    code = "INVALID_ARGUMENT"

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{v.field}: {v.description}" for v in self.violations))

    @classmethod
    def of(cls, field: str, description: str) -> "InvalidRequest":
        return cls([Violation(field, description)])


class ModelNotFound(AskwellError):
    """The request names a model that is not served."""

    code = "NOT_FOUND"


class NotSupported(AskwellError):
    """The request asks for something the engine has no way to do."""

    code = "UNIMPLEMENTED"


class QueueFull(AskwellError):
    """The queue is at its bound. ``retry_s`` says when to try again."""

    code = "RESOURCE_EXHAUSTED"


class Unavailable(AskwellError):
    """Loading, draining, or the engine process died under the request."""

    code = "UNAVAILABLE"


class DeadlinePassed(AskwellError):
    """The deadline passed while the request waited."""

    code = "DEADLINE_EXCEEDED"


class ServerFault(AskwellError):
    """A bug of ours. The message names no content of the request."""

    code = "INTERNAL"
