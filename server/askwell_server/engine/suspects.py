"""Requests whose batch died with the engine process: one of them may be the reason.

Each runs again alone. Who lives through that is cleared. Who dies alone may still be innocent, if the process
was killed from outside just then: its caller is told to try again, and it runs alone again. Who dies alone a
second time is refused from then on, under its request id and under any other that asks the same. Fingerprints
are hashes in memory, never logged.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable

from .row import Row
from .ticket import Ticket

_REMEMBERED = 1024


class Suspects:
    def __init__(self) -> None:
        self._suspected: OrderedDict[Hashable, None] = OrderedDict()
        self._died_alone: OrderedDict[Hashable, None] = OrderedDict()
        self._guilty: OrderedDict[Hashable, None] = OrderedDict()

    def accuse(self, rows: Iterable[Row]) -> None:
        for row in rows:
            _remember(self._suspected, _marks(row))

    def clear(self, row: Row) -> None:
        """It ran alone and nothing happened."""
        for mark in _marks(row):
            self._suspected.pop(mark, None)
            self._died_alone.pop(mark, None)

    def died_alone(self, row: Row) -> bool:
        """The process died while it ran this row alone. Returns whether the row is guilty now."""
        again = any(mark in self._died_alone for mark in _marks(row))
        if again:
            self.clear(row)
            _remember(self._guilty, _marks(row))
        else:
            _remember(self._died_alone, _marks(row))
        return again

    def suspected(self, row: Row) -> bool:
        return any(mark in self._suspected for mark in _marks(row))

    def guilty(self, row: Row) -> bool:
        return any(mark in self._guilty for mark in _marks(row))

    def __bool__(self) -> bool:
        return bool(self._suspected)


class Quarantine:
    """The suspects that wait to run alone. Before each of them everybody else gets a turn."""

    def __init__(self) -> None:
        self.running: Ticket | None = None
        self._waiting: dict[Ticket, None] = {}
        self._others_turn = True

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def closed(self) -> bool:
        """Whether nothing but a suspect may start."""
        return self.running is not None or (bool(self._waiting) and not self._others_turn)

    def admit(self, tickets: Iterable[Ticket]) -> None:
        self._waiting.update(dict.fromkeys(tickets))

    def start(self) -> Ticket:
        """The next one runs now."""
        ticket = next(iter(self._waiting))
        del self._waiting[ticket]
        self.running = ticket
        return ticket

    def end(self) -> None:
        """The one that ran has ended, in whatever way."""
        self.running, self._others_turn = None, True

    def others_started(self) -> None:
        """Others have had their turn."""
        self._others_turn = False

    def remove(self, ticket: Ticket) -> None:
        """One that waits no more; absent is no error."""
        self._waiting.pop(ticket, None)

    def clear(self) -> list[Ticket]:
        waiting, self._waiting = list(self._waiting), {}
        return waiting


def _marks(row: Row) -> list[Hashable]:
    marks: list[Hashable] = [hash((row.prompt, row.options, row.stops, row.max_new_tokens))]
    return [*marks, row.request_id] if row.request_id else marks


def _remember(marks: OrderedDict[Hashable, None], new: Iterable[Hashable]) -> None:
    for mark in new:
        marks[mark] = None
        marks.move_to_end(mark)
    while len(marks) > _REMEMBERED:
        marks.popitem(last=False)
