"""The highest rate at which requests keep their limits, predicted."""

from collections.abc import Sequence

from ..load.workload_file import WorkloadFile
from .contender import Contender, simulation
from .simulation import Machine
from .traffic import Traffic

_PRECISION = 1.01
_START, _LOWEST, _HIGHEST = 0.1, 1e-4, 1e4


def capacity(
    traffics: Sequence[Traffic],
    asked: WorkloadFile,
    machine: Machine,
    contender: Contender,
    max_batch_s: float,
) -> float:
    """Requests a second, to a hundredth; 0 when the limits cannot be kept at any rate.

    ``traffics`` are due at one request a second on average, and are stretched. A rate is kept when the share
    holds over all of them together.
    """

    def holds(rate: float) -> bool:
        sent = kept = 0
        for traffic in traffics:
            outcomes = simulation(traffic.arrivals(1 / rate), machine, contender, max_batch_s).run()
            sent += len(outcomes)
            kept += sum(outcome.kept(asked.limits) for outcome in outcomes)
        return kept >= sent - asked.allowed(sent)

    low = _START
    while not holds(low):
        low /= 2
        if low < _LOWEST:
            return 0.0
    high = low * 2
    while high < _HIGHEST and holds(high):
        low, high = high, high * 2
    while high / low > _PRECISION:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
