"""The seam between the RPCs and the engine: what ``rpc`` needs, and all that a test has to script."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from .row import Finish, Load, Piece, Row


class RowStream(Protocol):
    """One row's events: any number of pieces, then one finish; or an AskwellError raised while iterating."""

    def __aiter__(self) -> AsyncIterator[Piece | Finish]: ...

    def cancel(self) -> None:
        """Give the row up: it leaves the queue, or its batch at the next step. Idempotent."""


class Engine(Protocol):
    """Accepts rows and streams their tokens."""

    def submit(self, rows: Sequence[Row]) -> list[RowStream]:
        """Admit all rows or none, at once. Raises QueueFull (with retry_s) or Unavailable."""

    def load(self) -> Load: ...

    def predicted_s(self, rows: Sequence[Row]) -> float:
        """Seconds until all would have ended if they were submitted now; infinite without a device."""
        ...
