"""The rows that wait, in the order in which they came."""

from collections.abc import Iterable, Iterator

from .ticket import Ticket


class WaitingQueue:
    """First in, first out, with a bound. A row may leave from anywhere: it expired or was cancelled."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._tickets: dict[Ticket, None] = {}

    def __len__(self) -> int:
        return len(self._tickets)

    def __iter__(self) -> Iterator[Ticket]:
        return iter(self._tickets)

    def has_room(self, count: int) -> bool:
        return len(self._tickets) + count <= self.limit

    def append(self, tickets: Iterable[Ticket]) -> None:
        self._tickets.update(dict.fromkeys(tickets))

    def put_back(self, tickets: Iterable[Ticket]) -> None:
        """Rows that were admitted before go first again, whatever the bound."""
        self._tickets = {**dict.fromkeys(tickets), **self._tickets}

    def remove(self, ticket: Ticket) -> None:
        """Take a row out; one that is not there is no error."""
        self._tickets.pop(ticket, None)

    def clear(self) -> list[Ticket]:
        """Take all rows out."""
        tickets, self._tickets = list(self._tickets), {}
        return tickets
