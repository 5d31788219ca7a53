"""Requests whose batch died with the engine process: one of them may be the reason.

Each runs again alone. Who lives through that is cleared. Who dies alone may still be innocent, if the process
was killed from outside just then: its caller is told to try again, and it runs alone again. Who dies alone a
second time is refused from then on, under its request id and under any other that asks the same. SIGKILL is
more often somebody else's doing than the row's (that of the kernel, when the row needs too much memory): it
takes four. Fingerprints are hashes in memory, never logged.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable

from .row import Row

_REMEMBERED = 1024
_GUILTY = 4  # two deaths of itself, or four by SIGKILL


class Suspects:
    """Who is suspected, blamed and guilty, by what a request asks and by its id."""

    def __init__(self) -> None:
        self._suspected: OrderedDict[Hashable, int] = OrderedDict()
        self._blame: OrderedDict[Hashable, int] = OrderedDict()
        self._guilty: OrderedDict[Hashable, int] = OrderedDict()

    def accuse(self, rows: Iterable[Row]) -> None:
        for row in rows:
            _remember(self._suspected, _marks(row))

    def clear(self, row: Row) -> None:
        """It ran alone and nothing happened."""
        for mark in _marks(row):
            self._suspected.pop(mark, None)
            self._blame.pop(mark, None)

    def died_alone(self, row: Row, *, killed: bool) -> bool:
        """The process died while it ran this row alone, ``killed`` by SIGKILL or of itself. Returns whether
        the row is guilty now."""
        blame = max(self._blame.get(mark, 0) for mark in _marks(row)) + (1 if killed else 2)
        if blame >= _GUILTY:
            self.clear(row)
            _remember(self._guilty, _marks(row), blame)
        else:
            _remember(self._blame, _marks(row), blame)
        return blame >= _GUILTY

    def suspected(self, row: Row) -> bool:
        return any(mark in self._suspected for mark in _marks(row))

    def guilty(self, row: Row) -> bool:
        return any(mark in self._guilty for mark in _marks(row))

    def __bool__(self) -> bool:
        return bool(self._suspected)


def _marks(row: Row) -> list[Hashable]:
    marks: list[Hashable] = [hash((row.prompt, row.options, row.stops, row.max_new_tokens))]
    return [*marks, row.request_id] if row.request_id else marks


def _remember(marks: OrderedDict[Hashable, int], new: Iterable[Hashable], value: int = 0) -> None:
    for mark in new:
        marks[mark] = value
        marks.move_to_end(mark)
    while len(marks) > _REMEMBERED:
        marks.popitem(last=False)
