"""One trace under every planner."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..load.summary import Limits
from .arrival import Arrival
from .contender import CONTENDERS, simulation
from .offline import offline
from .outcome import Figures, figures
from .simulation import Count, Machine, Simulation

OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Schedule:
    """What one planner made of a trace."""

    figures: Figures
    count: Count

    @property
    def merit(self) -> tuple[float, float]:
        """Requests within their limits first, then the mean latency."""
        return self.figures.good_share, -self.figures.end_to_end_mean_s


def contest(
    arrivals: Sequence[Arrival], machine: Machine, limits: Limits, max_batch_s: float, ahead: int
) -> dict[str, Schedule]:
    """By contender. The offline planner looks ``ahead`` arrivals ahead; 0 leaves it out."""
    found = {
        each.name: _schedule(simulation(arrivals, machine, each, max_batch_s), limits) for each in CONTENDERS
    }
    if ahead:
        run = offline(arrivals, machine, limits, max_batch_s, ahead)
        told = Schedule(figures(run.outcomes(), limits), run.state.count)
        found[OFFLINE] = max([told, *found.values()], key=lambda each: each.merit)
    return found


def _schedule(run: Simulation, limits: Limits) -> Schedule:
    return Schedule(figures(run.run(), limits), run.state.count)
