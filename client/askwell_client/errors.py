"""What a call can end with instead of a result.

    AskwellError
    ├── RequestError                yours to change: the same call fails again
    │   ├── InvalidRequestError     INVALID_ARGUMENT    ``violations`` names every wrong field
    │   ├── NotFoundError           NOT_FOUND           no such model
    │   └── UnsupportedError        UNIMPLEMENTED       the engine cannot do this
    ├── TransientError              the same call may succeed later; it was tried again already
    │   ├── OverloadedError         RESOURCE_EXHAUSTED  ``retry_delay_s`` says when to come back
    │   └── UnavailableError        UNAVAILABLE         loading, draining or restarting
    │       └── ConnectError        UNAVAILABLE         nothing answers at that address
    ├── DeadlineError               DEADLINE_EXCEEDED   no result within ``timeout_s``
    └── ServerError                 any other status    the server's fault

``str(error)`` is one line for a person. Arguments that no server needs to see to know them wrong
(an unknown option, a malformed address) raise ``TypeError`` and ``ValueError`` instead.
"""

from dataclasses import dataclass
from typing import Self

import grpc


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that is wrong: its path in the request's proto names, and what is wrong with it."""

    field: str
    description: str


class AskwellError(Exception):
    """A call that ended without a result.

    ``status`` is the gRPC status, ``details`` the server's own words, ``retry_delay_s`` the wait it asked for
    (``None``: it named none), ``request_id`` the id that its logs know the call by ("": it had none).
    """

    def __init__(
        self,
        message: str,
        *,
        status: grpc.StatusCode,
        details: str = "",
        retry_delay_s: float | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.details = details
        self.retry_delay_s = retry_delay_s
        self.request_id = request_id


# What Python lets into a str and UTF-8 does not hold.
NOT_UNICODE = "not valid Unicode text: it holds half of a surrogate pair"


class RequestError(AskwellError):
    """The request is wrong; sending it again is of no use."""


class InvalidRequestError(RequestError):
    """The request breaks a rule of the API; ``violations`` names every wrong field."""

    violations: tuple[Violation, ...] = ()

    @classmethod
    def of(cls, field: str, description: str) -> Self:
        """What is already known to be wrong before anything is sent."""
        error = cls(f"{field}: {description}", status=grpc.StatusCode.INVALID_ARGUMENT)
        error.violations = (Violation(field, description),)
        return error


class NotFoundError(RequestError):
    """The request names a model that is not served."""


class UnsupportedError(RequestError):
    """The request asks for something the server has no way to do."""


class TransientError(AskwellError):
    """The server could not take the request now."""


class OverloadedError(TransientError):
    """The queue is full."""


class UnavailableError(TransientError):
    """The server is loading, draining or restarting, or the connection broke."""


class ConnectError(UnavailableError):
    """Nothing answers at the server's address."""


class DeadlineError(AskwellError):
    """The time given to the call ran out, retries included."""


class ServerError(AskwellError):
    """The server failed, or answered with something this client does not know."""
