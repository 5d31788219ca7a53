"""How fast this machine reads memory: the roof over every decoding step.

numpy's sum of 64-bit integers over a gibibyte that was written before, cut into as many slices as there are
threads, the best of several passes. (memchr and numpy's maximum read 10 to 30 per cent slower.)
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

_BYTES = 1 << 30
_PASSES = 8


def cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_gb_per_s(threads: int, size: int = _BYTES) -> float:
    """10⁹ bytes a second."""
    values = np.ones(size // 8, np.int64)
    slices = np.array_split(values, threads)
    best_s = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(_PASSES):
            start = time.perf_counter()
            total = sum(pool.map(np.sum, slices))  # numpy lets go of the interpreter lock
            best_s = min(best_s, time.perf_counter() - start)
    assert total == len(values)
    return values.nbytes / best_s / 1e9
