"""Prediction against reality: one trace simulated, and sent to a server, under the same policy."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..load.summary import Limits
from .contender import CONTENDERS, Contender, simulation
from .outcome import Figures, figures
from .real import run_real
from .simulation import Machine
from .traffic import Traffic

TOLERANCE = 0.15
_POLICIES = ("first come", "full")
_WARMUP = 3
_TIMEOUT_S = 590.0  # as long as a server lets a request wait by default


@dataclass(frozen=True, slots=True)
class Comparison:
    """``machine`` has the cost that the server had fitted when the trace began. ``hindsight`` is the
    simulation with what it had made of that at the end: what then still differs is no fault of the fit."""

    name: str
    predicted: Figures
    hindsight: Figures
    real: Figures
    machine: Machine

    @property
    def throughput_ratio(self) -> float:
        """Predicted over real."""
        return self.predicted.tokens_per_s / self.real.tokens_per_s

    @property
    def hindsight_ratio(self) -> float:
        return self.hindsight.tokens_per_s / self.real.tokens_per_s

    @property
    def holds(self) -> bool:
        return abs(self.throughput_ratio - 1) <= TOLERANCE


def compare_real(
    model: Path, flags: str, traffic: Traffic, machine: Machine, limits: Limits, max_batch_s: float
) -> Iterator[Comparison]:
    """One server after the other. Raises RuntimeError when one cannot be had, or goes away."""
    for each in CONTENDERS:
        if each.name in _POLICIES:
            yield _compared(each, model, flags, traffic, machine, limits, max_batch_s)


def _compared(
    contender: Contender,
    model: Path,
    flags: str,
    traffic: Traffic,
    machine: Machine,
    limits: Limits,
    max_batch_s: float,
) -> Comparison:
    own = (
        f"--policy {contender.policy} --inter-threads {machine.lanes} --max-batch-rows {machine.limits.rows} "
        f"--max-batch-s {max_batch_s} --queue-limit 100000"
    )
    real = run_real(model, f"{own} {flags}", traffic, _WARMUP, _TIMEOUT_S)
    machines = [replace(machine, cost=cost, truth=cost) for cost in (real.cost, real.corrected)]
    predicted, hindsight = (
        figures(simulation(traffic.arrivals(), each, contender, max_batch_s).run(), limits)
        for each in machines
    )
    return Comparison(contender.name, predicted, hindsight, figures(real.outcomes, limits), machines[0])
