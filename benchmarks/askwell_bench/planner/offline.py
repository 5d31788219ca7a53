"""A planner that knows everything: the yardstick for those that do not.

It knows all arrivals and output lengths, the true costs, and the limits that are to be kept, and has the
server's moves: which waiting rows run next, with which shared prefix, when, and whether a batch is cut. First
it replays the whole trace with the server's planner, rows taken in each of several orders (``triage``), and
keeps the best order. Then it goes through the trace again, and at each decision tries each candidate on a
copy of the simulation, goes on by that order over the next arrivals, and takes what then keeps most requests
within their limits, or among those the lowest mean latency (a rollout; Bertsekas, "Rollout Algorithms for
Discrete Optimization", 2013). That is no proof of an optimum: the best of all these schedules, and of every
other contender's, counts as offline. See also ``bound``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from askwell_server.engine.baseline import equal_length, fifo
from askwell_server.engine.cost import CostModel
from askwell_server.engine.planner import Limits, Plan, plan
from askwell_server.engine.queue import WaitingQueue
from askwell_server.engine.row import Row
from askwell_server.engine.scheduler import Boarded, Scheduler

from ..load.summary import Limits as Promise
from .arrival import Arrival, SimRow, foretold
from .contender import ENDLESS
from .outcome import Outcome
from .running import Running, start
from .simulation import Count, Machine, Simulation, State
from .triage import ORDERS, VIEW, Order, Triage

AHEAD = 10
"""Arrivals that a rollout looks ahead."""

Value = tuple[int, float]


def offline(
    arrivals: Sequence[Arrival], machine: Machine, promise: Promise, max_batch_s: float, ahead: int = AHEAD
) -> Simulation:
    """The best schedule found, already run. ``max_batch_s`` is the server's; it goes on in the rollouts."""
    known = replace(machine, cost=machine.truth)
    told = foretold(arrivals)
    runs = []
    for order in ORDERS:
        run = _triaged(told, known, promise, max_batch_s, order)
        runs.append((value(run.run(), promise), run, order))
    _, best, order = max(runs, key=lambda each: each[0])
    queue: WaitingQueue[SimRow] = WaitingQueue(ENDLESS)
    foresight = Foresight(promise, max_batch_s, ahead, order)
    foresight.simulation = Simulation(told, known, queue, foresight)
    foresight.simulation.run()
    return max(best, foresight.simulation, key=lambda run: value(run.outcomes(), promise))


def value(outcomes: Sequence[Outcome], promise: Promise) -> Value:
    """Requests that are kept, and the sum of latencies, negative."""
    latency_s = sum((each.end_s or 0.0) - each.due_s for each in outcomes)
    return sum(each.kept(promise) for each in outcomes), -latency_s


class Foresight:
    """Decides by rollouts; see the module. ``simulation`` is the one it decides for."""

    simulation: Simulation

    def __init__(self, promise: Promise, max_batch_s: float, ahead: int, order: Order) -> None:
        self._promise = promise
        self._max_batch_s = max_batch_s
        self._ahead = ahead
        self._order = order
        self._seen = 0  # arrivals at the last look that counted, and when that was
        self._look_s = 0.0

    def board(self, now_s: float, limits: Limits, cost: CostModel, free_lanes: int) -> Boarded[SimRow] | None:
        waiting = self.simulation.queue.in_order(now_s)
        choices: list[Boarded[SimRow] | None] = list(self._choices(waiting, now_s, limits, cost))
        if self._something_comes():
            choices.append(None)
        best = max(choices, key=self._if_boarded) if len(choices) > 1 else choices[0]
        for item in best.items if best else ():
            self.simulation.queue.remove(item)
        return best

    def gives_way(
        self, live: Sequence[Row], started_s: float, now_s: float, limits: Limits, cost: CostModel
    ) -> bool:
        """Asked once after each arrival, not at every look: it takes two rollouts a lane."""
        state = self.simulation.state
        if state.next > self._seen:
            self._seen, self._look_s = state.next, now_s
        if now_s > self._look_s:
            return False
        lane = next(i for i, each in enumerate(state.lanes) if each and each.started_s == started_s)
        running = state.lanes[lane]
        if running is None or not all(row.options.divisible for row in live):
            return False
        return self._value(lane, running.shortened(now_s)) > self._value(lane, running)

    def _choices(
        self, waiting: Sequence[SimRow], now_s: float, limits: Limits, cost: CostModel
    ) -> Iterator[Boarded[SimRow]]:
        """What different planners would do, with different rows at the head; each batch once."""
        known = set()
        sizes = [rows for rows in (1, 2, 4, 8, 16, 32) if rows < limits.rows] + [limits.rows]
        for order in ORDERS:
            items = order(waiting, now_s, cost, self._promise)[: VIEW * limits.rows]
            rows = [item.row for item in items]
            found: list[Plan] = [plan(rows, replace(limits, rows=size), cost, now_s) for size in sizes]
            found += [baseline(rows, limits, cost, now_s) for baseline in (equal_length, fifo)]
            for each in found:
                chosen = tuple(items[i] for i in each.indices)
                key = frozenset(map(id, chosen)), each.prefix
                if key not in known:
                    known.add(key)
                    yield Boarded(chosen, each)

    def _something_comes(self) -> bool:
        """Without which a lane that idles would idle for ever."""
        state = self.simulation.state
        return any(state.lanes) or state.next < len(self.simulation.arrivals)

    def _if_boarded(self, choice: Boarded[SimRow] | None) -> Value:
        state = self.simulation.state
        lane = state.lanes.index(None)
        if choice is None:
            return self._value(lane, None)
        truth = self.simulation.machine.truth
        return self._value(lane, start(choice.items, choice.plan, state.now_s, truth))

    def _value(self, lane: int, running: Running | None) -> Value:
        """What becomes of the requests of the near future if that runs there."""
        now, machine = self.simulation.state, self.simulation.machine
        arrivals = self.simulation.arrivals[: now.next + self._ahead]
        taken = set(map(id, running.items if running else ()))
        lanes = list(now.lanes)
        lanes[lane] = running
        waiting = [item for item in self.simulation.queue.in_order(now.now_s) if id(item) not in taken]
        rows = [*waiting, *(item for each in lanes if each for item in each.items)]
        under_way = {item.request for item in rows}
        ended = {request: list(now.ended[request]) for request in under_way if request in now.ended}
        state = State(now.now_s, lanes, now.next, now.look_s, ended, Count())
        future = _triaged(arrivals, machine, self._promise, self._max_batch_s, self._order, state)
        future.queue.append(waiting)
        if running:
            future.fill()
        outcomes = future.run()
        counted = [outcomes[i] for i in under_way | set(range(now.next, len(arrivals)))]
        return value(counted, self._promise)


def _triaged(
    arrivals: Sequence[Arrival],
    machine: Machine,
    promise: Promise,
    max_batch_s: float,
    order: Order,
    state: State | None = None,
) -> Simulation:
    queue: WaitingQueue[SimRow] = WaitingQueue(ENDLESS)
    scheduler = Scheduler(queue, "full", max_batch_s)
    return Simulation(arrivals, machine, queue, Triage(queue, scheduler, order, promise), state)
