"""What a run of the planner's benchmark tells, grown round by round."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from askwell_server.engine.cost import CostModel

from ..ending import partial
from ..load.workload_file import WorkloadFile
from ..result import Measure
from .comparison import Comparison
from .contest import Schedule
from .outcome import Figures
from .simulation import Machine

_OURS = "full"


@dataclass(slots=True)
class Report:
    """``rounds`` are the schedules of each trace by planner, ``bounds`` the requests a second of which no
    planner could do more, ``capacities`` the rates that planners sustain, ``model`` what the real
    servers served, and ``stopped`` why the run ended early."""

    asked: WorkloadFile
    traffic: dict[str, Any]
    machine: Machine | None
    max_batch_s: float
    rounds: list[Mapping[str, Schedule]] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)
    capacities: dict[str, float] = field(default_factory=dict)
    real: list[Comparison] = field(default_factory=list)
    model: Mapping[str, Any] | None = None
    stopped: str | None = None

    def figures(self) -> dict[str, Any]:
        return {
            **partial(self.stopped),
            **({"model": dict(self.model)} if self.model else {}),
            "workload": self.asked.facts(),
            "traffic": self.traffic,
            "machine": _machine(self.machine) if self.machine else None,
            "max_batch_s": self.max_batch_s,
            "bound_requests_per_s": statistics.fmean(self.bounds) if self.bounds else None,
            "planners": {name: self._told(name) for name in (self.rounds[0] if self.rounds else ())},
            "goodput_ratios": {name: statistics.fmean(values) for name, values in self._ratios().items()},
            "capacity_per_s": self.capacities,
            "capacity_ratios": {
                name: self.capacities[_OURS] / rate
                for name, rate in self.capacities.items()
                if rate and name != _OURS
            },
            "real": {each.name: _compared(each) for each in self.real},
        }

    def measures(self) -> list[Measure]:
        """What can be compared with another day's: the same trace under two planners."""
        return [
            Measure(f"goodput, full over {name}", "ratio", "higher", tuple(values), relative=True)
            for name, values in self._ratios().items()
        ]

    def _ratios(self) -> dict[str, list[float]]:
        """Goodput of the full planner over each other's, where that has any, round by round."""
        names = self.rounds[0] if self.rounds else ()
        goodputs = {name: [each[name].figures.goodput_per_s for each in self.rounds] for name in names}
        return {
            name: [ours / theirs for ours, theirs in zip(goodputs[_OURS], goodputs[name], strict=True)]
            for name in names
            if name != _OURS and all(goodputs[name])
        }

    def _told(self, name: str) -> dict[str, float]:
        schedules = [each[name] for each in self.rounds]
        counts = [asdict(each.count) for each in schedules]
        return mean_figures(schedules) | {
            each: statistics.fmean(count[each] for count in counts) for each in counts[0]
        }


def cost_us(cost: CostModel) -> dict[str, float]:
    """The coefficients in microseconds: in seconds, the six decimals of a result would lose some."""
    return {name.removesuffix("_s") + "_us": seconds * 1e6 for name, seconds in asdict(cost).items()}


def _machine(machine: Machine) -> dict[str, Any]:
    return {
        "lanes": machine.lanes,
        "limits": asdict(machine.limits),
        "cost": cost_us(machine.cost),
        "truth": cost_us(machine.truth),
    }


def _compared(found: Comparison) -> dict[str, Any]:
    return {
        "throughput_ratio": found.throughput_ratio,
        "hindsight_ratio": found.hindsight_ratio,
        "holds": found.holds,
        "predicted": asdict(found.predicted),
        "real": asdict(found.real),
        "cost": cost_us(found.machine.truth),
    }


def mean_figures(schedules: Sequence[Schedule]) -> dict[str, float]:
    """Each figure's mean over rounds."""
    return {
        name: statistics.fmean(getattr(each.figures, name) for each in schedules)
        for name in Figures.__slots__
    }
