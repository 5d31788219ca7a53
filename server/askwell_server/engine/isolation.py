"""Suspects of a crash, from accusation to verdict: each runs alone on a device, until it is past the step at
which its process died or, if it cannot be cut, to its end.

Before each few of them everybody else gets a turn on that device, and other devices go on meanwhile.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence

from ..errors import AskwellError, ServerFault, Unavailable
from .device import Device
from .fair import weighted
from .queue import WaitingQueue
from .row import Row
from .running import Running
from .suspects import Suspects
from .ticket import Ticket

log = logging.getLogger(__name__)

_IN_A_ROW = 4  # a turn of everybody else between any two would be far longer than those are
RESTART_S = 2.0  # what a client is told to wait while a process restarts


class Isolation:
    """The suspects that wait to run alone, in the order of their accusation, and the one that does.

    ``fail`` ends a row with an error. ``device`` is kept for the next suspect: nothing else may start there.
    """

    def __init__(self, queue: WaitingQueue[Ticket], fail: Callable[[Ticket, AskwellError], None]) -> None:
        self.running: Ticket | None = None
        self.device: Device | None = None
        self._queue = queue
        self._fail = fail
        self._suspects = Suspects()
        self._waiting: dict[Ticket, None] = {}
        self._in_a_row = 0  # on the device that is kept

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Ticket]:
        return iter(self._waiting)

    def guilty(self, row: Row) -> bool:
        """Whether a row ended the engine before and is to be refused."""
        return self._suspects.guilty(row)

    def divert(self, tickets: Iterable[Ticket]) -> list[Ticket]:
        """Keep those that ask what a suspect asked; give back the others."""
        others = []
        for ticket in tickets:
            if self._suspects and self._suspects.suspected(ticket.asked):
                self._waiting[ticket] = None
            else:
                others.append(ticket)
        return others

    def accuse(self, tickets: Sequence[Ticket]) -> None:
        """Their batch died with the process. They are to run alone, as is whatever waits and asks the
        same."""
        for ticket in tickets:
            if ticket.charged:
                self._queue.charge(ticket, -weighted(ticket.row))  # charged again when it runs
                ticket.charged = False
        self._suspects.accuse(ticket.asked for ticket in tickets)
        like = [ticket for ticket in self._queue if self._suspects.suspected(ticket.asked)]
        for ticket in like:
            self._queue.remove(ticket)
        self._waiting.update(dict.fromkeys([*tickets, *like]))

    def can_go_on(self, ticket: Ticket, row: Row, blamed: bool) -> bool:
        """Whether a row that lost its process can run on elsewhere; one that cannot is failed."""
        if not ticket.has_tokens or row.options.divisible:
            return True
        if blamed:
            self._suspects.accuse([ticket.asked])
        self._fail(ticket, Unavailable("the engine process died", retry_s=RESTART_S))
        return False

    def next_on(self, devices: Sequence[Device]) -> tuple[Device, Ticket] | None:
        """Keep a device for the next suspect; give both once nothing else runs there."""
        if self.running is not None or not self._waiting:
            return None
        if self.device is None or not self.device.ready:
            ready = [device for device in devices if device.ready]
            self.device = min(ready, key=lambda each: len(each.running), default=None)
        if self.device is None or self.device.running:
            return None
        ticket = self.running = next(iter(self._waiting))
        del self._waiting[ticket]
        self._queue.charge(ticket, weighted(ticket.row))
        return self.device, ticket

    def release(self, running: Running) -> bool:
        """Whether the batch was a suspect's, who is through now; the device is everybody's again, unless it
        was a short one and a few more can follow."""
        if self.running is None or self.running not in running.tickets:
            return False
        self.running = None
        self._in_a_row += 1
        if not running.cut or not self._waiting or self._in_a_row >= _IN_A_ROW:
            self.device, self._in_a_row = None, 0
        return True

    def acquit(self, ticket: Ticket) -> None:
        """It ran alone for long enough, and nothing happened."""
        self._suspects.clear(ticket.asked)

    def judge(self, ticket: Ticket, *, killed: bool) -> None:
        """The process died while it ran this row alone, ``killed`` by SIGKILL or of itself."""
        if not self._suspects.died_alone(ticket.asked, killed=killed):
            self._fail(ticket, Unavailable("the engine process died", retry_s=RESTART_S))
            return
        log.error("request %s ends the engine process and is refused", ticket.asked.request_id)
        for each in [ticket, *(t for t in self._waiting if self._suspects.guilty(t.asked))]:
            self._fail(each, ServerFault("this request ends the engine process; it is refused"))

    def remove(self, ticket: Ticket) -> None:
        """One that waits no more; absent is no error."""
        self._waiting.pop(ticket, None)
        if not self._waiting and self.running is None:
            self.device = None

    def clear(self) -> list[Ticket]:
        """Take out all that wait."""
        waiting, self._waiting = list(self._waiting), {}
        return waiting
