"""The rows that wait, and who of them is served first."""

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Generic, Protocol, TypeVar

from .fair import VirtualCounters, weighted
from .row import Priority, Row


class Queued(Protocol):
    """What may wait: its row as it waits now, and when it was admitted on ``time.monotonic()``'s clock."""

    @property
    def row(self) -> Row: ...

    @property
    def admitted_s(self) -> float: ...


T = TypeVar("T", bound=Queued)
_Turn = tuple[float, int, float, str, T | None]  # counter, rows in line, since when, tenant, its next row
_Line = dict[T, None]  # the rows of one tenant and priority, in order; a row may leave from anywhere


class WaitingQueue(Generic[T]):
    """Rows in order of starvation, priority, fair turns of their tenants, and arrival; with a bound.

    Priority is strict. So that it starves nobody, a tenant whose rows of some priority were passed over for
    ``starvation_s`` has one of them go first. A queue that is long of itself starves nobody: it is served.
    """

    def __init__(self, limit: int, starvation_s: float = 20.0) -> None:
        self.limit = limit
        self._starvation_s = starvation_s
        self._lines: dict[Priority, dict[str, _Line[T]]] = {priority: {} for priority in Priority}
        self._homes: dict[T, tuple[Priority, str]] = {}  # where an item stands
        self._served_s: dict[tuple[Priority, str], float] = {}  # when a row of a line was last taken
        self._counters = VirtualCounters()

    def __len__(self) -> int:
        return len(self._homes)

    def __iter__(self) -> Iterator[T]:
        return iter(self._homes)

    def has_room(self, count: int) -> bool:
        return len(self._homes) + count <= self.limit

    def append(self, items: Iterable[T]) -> None:
        for item in items:
            self._line_of(item)[item] = None

    def put_back(self, items: Iterable[T], now_s: float, behind: int = 0) -> None:
        """Rows that were admitted before go first again within their tenant, whatever the bound; those that
        gave way go ``behind`` so many who waited. They were served until now, so they are not starved."""
        for item in reversed(list(items)):
            line = self._line_of(item)
            self._served_s[self._homes[item]] = now_s
            others = list(line)
            line.clear()
            line.update(dict.fromkeys([*others[:behind], item, *others[behind:]]))

    def remove(self, item: T) -> None:
        """Take a row out; one that is not there is no error."""
        home = self._homes.pop(item, None)
        if home is None:
            return
        priority, tenant = home
        line = self._lines[priority][tenant]
        del line[item]
        if not line:
            del self._lines[priority][tenant]
            self._served_s.pop(home, None)
            if not any(tenant in lines for lines in self._lines.values()):
                self._counters.leave(tenant)

    def clear(self) -> list[T]:
        """Take all rows out."""
        items = list(self._homes)
        for item in items:
            self.remove(item)
        return items

    def in_order(self, now_s: float, limit: int | None = None) -> list[T]:
        """The first ``limit`` rows in the order in which they are to be served."""
        return list(islice(self._in_order(now_s), limit))

    def take(self, items: Iterable[T], now_s: float) -> None:
        """Take rows out to be served, and charge their tenants."""
        for item in items:
            self._served_s[self._homes[item]] = now_s
            # Charged first: a tenant that leaves the queue leaves with what it was given.
            self.charge(item, weighted(item.row))
            self.remove(item)

    def charge(self, item: T, tokens: float) -> None:
        """The row's tenant was given so many weighted tokens; negative gives back."""
        self._counters.charge(item.row.tenant, tokens)

    def ahead_of(self, row: Row) -> list[T]:
        """The waiting rows that would be served before this one, if it came now."""
        given: dict[str, float] = {}
        better = (priority for priority in Priority if priority < row.priority)
        ahead = [item for priority in better for item in self._turns(self._lists(priority), given)]
        return ahead + list(self._turns(self._lists(row.priority), given, newcomer=row.tenant))

    def _line_of(self, item: T) -> _Line[T]:
        """The line that an item joins now."""
        priority, tenant = item.row.priority, item.row.tenant
        if not any(tenant in lines for lines in self._lines.values()):
            self._counters.enter(tenant)
        self._homes[item] = (priority, tenant)
        return self._lines[priority].setdefault(tenant, {})

    def _in_order(self, now_s: float) -> Iterator[T]:
        given: dict[str, float] = {}
        starved = self._starved(now_s)
        for item in starved:
            self._give(given, item)
            yield item
        for priority in Priority:
            yield from self._turns(self._lists(priority), given, gone=starved)

    def _starved(self, now_s: float) -> list[T]:
        """The first of every line that was passed over for too long."""
        waited: list[tuple[float, T]] = []
        for priority, lines in self._lines.items():
            for tenant, line in lines.items():
                first = next(iter(line))
                since_s = max(first.admitted_s, self._served_s.get((priority, tenant), first.admitted_s))
                if now_s - since_s > self._starvation_s:
                    waited.append((since_s, first))
        return [item for _, item in sorted(waited, key=lambda each: each[0])]

    def _lists(self, priority: Priority) -> dict[str, list[T]]:
        return {tenant: list(line) for tenant, line in self._lines[priority].items()}

    def _turns(
        self,
        lines: dict[str, list[T]],
        given: dict[str, float],
        newcomer: str | None = None,
        gone: Sequence[T] = (),
    ) -> Iterator[T]:
        """The tenant that was given least is next, and is given its next row. Among equals the tenant with
        fewer rows goes first, then the row that came first: whoever comes back stands level with those that
        waited all the time, and must not stand behind the whole of a flood.

        ``given`` holds the counters as they stand after the rows before. With a ``newcomer`` the turns end
        when one more row of that tenant would have its turn.
        """
        if newcomer is not None:
            lines.setdefault(newcomer, [])
        tenants = {tenant: iter([i for i in line if i not in gone]) for tenant, line in lines.items()}
        turns: list[_Turn[T]] = []

        def queue_up(tenant: str) -> None:
            item = next(tenants[tenant], None)
            since_s = math.inf if item is None else item.admitted_s
            counter = given.get(tenant, self._counters.of(tenant))
            length = len(lines[tenant]) + (tenant == newcomer)
            heapq.heappush(turns, (counter, length, since_s, tenant, item))

        for tenant in tenants:
            queue_up(tenant)
        while turns:
            *_, tenant, item = heapq.heappop(turns)
            if item is not None:
                self._give(given, item)
                yield item
                queue_up(tenant)
            elif tenant == newcomer:
                return

    def _give(self, given: dict[str, float], item: T) -> None:
        tenant = item.row.tenant
        given[tenant] = given.get(tenant, self._counters.of(tenant)) + weighted(item.row)
