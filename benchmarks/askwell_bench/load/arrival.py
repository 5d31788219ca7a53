"""When the requests of an open loop are due, whatever the server does meanwhile."""

import numpy as np


def gamma_arrivals(rate: float, burstiness: float, count: int, seed: int) -> list[float]:
    """Offsets in seconds of ``count`` arrivals, ``rate`` a second on average.

    Gaps are gamma distributed with shape ``burstiness`` and mean 1 / rate, as in vLLM's ``bench serve``: 1 is
    a Poisson process, less comes in bursts, more is steadier.
    """
    gaps = np.random.default_rng(seed).gamma(burstiness, 1 / (rate * burstiness), count)
    return [float(offset) for offset in gaps.cumsum()]
