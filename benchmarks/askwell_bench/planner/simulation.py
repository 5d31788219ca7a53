"""The server's scheduling in virtual time: its queue, scheduler and planner, and lanes made of arithmetic.

Events are arrivals, ends of batches and, while rows wait, a look every 0.1 s whether a batch should give way.
What a batch takes is what a cost model says; nothing else takes time. Nobody gives up: every request ends.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from askwell_server.engine.cost import CostModel
from askwell_server.engine.planner import Limits
from askwell_server.engine.queue import WaitingQueue
from askwell_server.engine.row import Row
from askwell_server.engine.scheduler import Boarded

from .arrival import Arrival, SimRow, admitted
from .outcome import Outcome
from .running import Running, start

LOOK_S = 0.1


class Scheduling(Protocol):
    """Who decides: the server's Scheduler, or somebody who knows more."""

    def board(
        self, now_s: float, limits: Limits, cost: CostModel, free_lanes: int
    ) -> Boarded[SimRow] | None: ...

    def gives_way(
        self, live: Sequence[Row], started_s: float, now_s: float, limits: Limits, cost: CostModel
    ) -> bool: ...


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to schedule on. ``cost`` is what the planner believes, ``truth`` what happens."""

    lanes: int
    limits: Limits
    cost: CostModel
    truth: CostModel


@dataclass(slots=True)
class Count:
    """What was done on the way."""

    batches: int = 0
    rows: int = 0
    cuts: int = 0
    prefix_tokens: int = 0
    forced_tokens: int = 0
    busy_s: float = 0.0


@dataclass(slots=True)
class State:
    """A moment: who waits, what runs in each lane, and which arrival is next. ``ended`` holds, by request,
    (first token, end) of the rows that have ended."""

    now_s: float
    lanes: list[Running | None]
    next: int = 0
    look_s: float = math.inf
    ended: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    count: Count = field(default_factory=Count)


class Simulation:
    """Arrivals, in order of time, on a machine."""

    def __init__(
        self,
        arrivals: Sequence[Arrival],
        machine: Machine,
        queue: WaitingQueue[SimRow],
        scheduling: Scheduling,
        state: State | None = None,
    ) -> None:
        self.arrivals = arrivals
        self.machine = machine
        self.queue = queue
        self.state = state or State(0.0, [None] * machine.lanes)
        self._scheduling = scheduling

    def run(self) -> list[Outcome]:
        """To the end of every request."""
        while (event_s := self._next_s()) < math.inf:
            self.state.now_s = event_s
            self._land()
            self._admit()
            self.fill()
            self._look()
        return self.outcomes()

    def outcomes(self) -> list[Outcome]:
        """Of all requests so far; those with rows on their way have no end."""
        return [
            _outcome(arrival, self.state.ended.get(request, []))
            for request, arrival in enumerate(self.arrivals)
        ]

    def _next_s(self) -> float:
        state = self.state
        arrival_s = self.arrivals[state.next].at_s if state.next < len(self.arrivals) else math.inf
        ends_s = [running.end_s for running in state.lanes if running]
        return min([arrival_s, state.look_s, *ends_s])

    def _land(self) -> None:
        """End the batches whose time has come."""
        state = self.state
        for lane, running in enumerate(state.lanes):
            if running and running.end_s <= state.now_s:
                state.lanes[lane] = None
                again = self._unfinished(running)
                self.queue.put_back(again, state.now_s, behind=self.machine.limits.rows)

    def _unfinished(self, running: Running) -> list[SimRow]:
        again = []
        self.state.count.busy_s += running.end_s - running.started_s
        for i, item in enumerate(running.items):
            if (written := running.written(i)) < item.left:
                again.append(item.after(written, running.first_s(i)))
            else:
                end = running.first_s(i), running.time_s(running.steps[i])
                self.state.ended.setdefault(item.request, []).append(end)
        return again

    def _admit(self) -> None:
        state = self.state
        while state.next < len(self.arrivals) and self.arrivals[state.next].at_s <= state.now_s:
            self.queue.append(admitted(self.arrivals[state.next], state.next))
            state.next += 1

    def fill(self) -> None:
        """Give every free lane a batch, as long as the scheduler has one."""
        state, machine = self.state, self.machine
        while (free := state.lanes.count(None)) and len(self.queue):
            boarded = self._scheduling.board(state.now_s, machine.limits, machine.cost, free)
            if boarded is None:
                return
            running = start(boarded.items, boarded.plan, state.now_s, machine.truth)
            state.lanes[state.lanes.index(None)] = running
            self._note(running)

    def _note(self, running: Running) -> None:
        count, rows = self.state.count, len(running.items)
        count.batches += 1
        count.rows += rows
        count.prefix_tokens += running.plan.prefix * (rows if running.plan.cached else rows - 1)
        count.forced_tokens += sum(running.forced)

    def _look(self) -> None:
        """Whether a batch gives way to those who wait: every so often while somebody does."""
        state, machine = self.state, self.machine
        if not len(self.queue):
            state.look_s = math.inf
            return
        if state.now_s < state.look_s < math.inf:
            return
        due, state.look_s = state.look_s < math.inf, state.now_s + LOOK_S
        for lane, running in enumerate(state.lanes if due else ()):
            if running is None or running.cut or not (live := running.live(state.now_s)):
                continue
            if self._scheduling.gives_way(live, running.started_s, state.now_s, machine.limits, machine.cost):
                state.lanes[lane] = running.shortened(state.now_s)
                state.count.cuts += 1
                return


def _outcome(arrival: Arrival, ended: Sequence[tuple[float, float]]) -> Outcome:
    """The first token of a request is that of any of its rows; its end is that of the last."""
    first_s = min((first for first, _ in ended), default=None)
    end_s = max(end for _, end in ended) if len(ended) == len(arrival.rows) else None
    return Outcome(arrival.at_s, sum(arrival.new_tokens), first_s, end_s)
