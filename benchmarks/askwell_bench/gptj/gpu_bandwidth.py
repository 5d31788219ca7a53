"""How fast the GPU's memory is, measured with torch: the roofline that decoding is held against."""

import importlib
import time
from statistics import median
from typing import Any

from .gpu_worker import serve

_REPEATS, _WARM = 10, 3


class Bandwidth:
    """Two buffers far larger than any cache, of random numbers: zeros may be moved faster."""

    def __init__(self, device: str, gigabytes: float) -> None:
        self._torch: Any = importlib.import_module("torch")
        count = int(gigabytes * 1e9 / 4)
        self._source = self._torch.rand(count, device=device)
        self._target = self._torch.empty_like(self._source)
        self._cuda = device == "cuda"

    def facts(self) -> dict[str, Any]:
        return {"torch": self._torch.__version__}

    def rates(self) -> dict[str, Any]:
        """GB/s, medians: a copy (bytes read and bytes written) and a sum (bytes read)."""
        size = self._source.numel() * 4
        copy_s = self._seconds(lambda: self._target.copy_(self._source))
        read_s = self._seconds(lambda: self._source.sum())
        return {"copy_gb_s": 2 * size / copy_s / 1e9, "read_gb_s": size / read_s / 1e9}

    def _seconds(self, work: Any) -> float:
        taken = []
        for number in range(_REPEATS + _WARM):
            self._wait()
            start = time.perf_counter()
            work()
            self._wait()
            if number >= _WARM:
                taken.append(time.perf_counter() - start)
        return median(taken)

    def _wait(self) -> None:
        if self._cuda:
            self._torch.cuda.synchronize()


if __name__ == "__main__":
    serve(Bandwidth)
