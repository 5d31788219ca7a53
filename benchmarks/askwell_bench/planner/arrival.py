"""What arrives in a simulation: requests, and the rows they bring."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from askwell_server.engine.cut import continued
from askwell_server.engine.row import Row

_written = count(-1, -1)  # ids of no vocabulary: what two rows write is never the same


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request, due ``at_s`` seconds after the simulation's start. All its rows are admitted at once.

    Row i writes ``new_tokens[i]`` tokens, of which a planner knows only the bounds in ``rows[i]``.
    """

    at_s: float
    rows: tuple[Row, ...]
    new_tokens: tuple[int, ...]


@dataclass(slots=True, eq=False)
class SimRow:
    """A row on its way, as the queue and the scheduler see a ticket; two are never equal.

    ``row`` is what is left to do, and ``left`` how many tokens it will really still write. ``first_s`` is
    when its first token came, in an earlier batch that was cut.
    """

    row: Row
    admitted_s: float
    request: int
    left: int
    first_s: float | None = None

    def after(self, written: int, first_s: float | None) -> "SimRow":
        """What remains of it once a batch that wrote so many of its tokens was cut."""
        row = continued(self.row, [next(_written) for _ in range(written)])
        return SimRow(row, self.admitted_s, self.request, self.left - written, first_s)


def admitted(arrival: Arrival, request: int) -> list[SimRow]:
    """The rows of the request of that number, at the moment it is due."""
    return [
        SimRow(row, arrival.at_s, request, new)
        for row, new in zip(arrival.rows, arrival.new_tokens, strict=True)
    ]


def foretold(arrivals: Sequence[Arrival]) -> list[Arrival]:
    """The same, with every row's bounds at what it will really write."""
    return [
        replace(
            each,
            rows=tuple(
                replace(row, min_new_tokens=new, max_new_tokens=new)
                for row, new in zip(each.rows, each.new_tokens, strict=True)
            ),
        )
        for each in arrivals
    ]
