"""The planners that are compared, by name."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from askwell_server.engine.config import Policy
from askwell_server.engine.cost import CostModel
from askwell_server.engine.planner import Limits
from askwell_server.engine.queue import WaitingQueue
from askwell_server.engine.row import Row
from askwell_server.engine.scheduler import Boarded, Scheduler

from .arrival import Arrival, SimRow
from .simulation import Machine, Simulation

ENDLESS = 1 << 40  # rows of a queue that refuses nobody


@dataclass(frozen=True, slots=True)
class Contender:
    """A planning policy of the server, with at most ``rows`` rows a batch (None: as many as the machine
    takes). Batches never give way unless ``cuts``."""

    name: str
    policy: Policy
    rows: int | None = None
    cuts: bool = False

    def machine(self, machine: Machine) -> Machine:
        if self.rows is None:
            return machine
        return replace(machine, limits=replace(machine.limits, rows=self.rows))


CONTENDERS = (
    Contender("one at a time", "fifo", rows=1),
    Contender("equal length", "equal-length"),
    Contender("first come", "fifo"),
    Contender("full, no cuts", "full"),
    Contender("full", "full", cuts=True),
)


class Uncut:
    """A scheduler whose batches run to their ends."""

    def __init__(self, scheduler: Scheduler[SimRow]) -> None:
        self._scheduler = scheduler

    def board(self, now_s: float, limits: Limits, cost: CostModel, free_lanes: int) -> Boarded[SimRow] | None:
        return self._scheduler.board(now_s, limits, cost, free_lanes)

    def gives_way(
        self, live: Sequence[Row], started_s: float, now_s: float, limits: Limits, cost: CostModel
    ) -> bool:
        return False


def simulation(
    arrivals: Sequence[Arrival], machine: Machine, contender: Contender, max_batch_s: float
) -> Simulation:
    queue: WaitingQueue[SimRow] = WaitingQueue(ENDLESS)
    scheduler = Scheduler(queue, contender.policy, max_batch_s if contender.cuts else math.inf)
    scheduling = scheduler if contender.cuts else Uncut(scheduler)
    return Simulation(arrivals, contender.machine(machine), queue, scheduling)
