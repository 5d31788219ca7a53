"""Why a batch broke off, as far as the front needs to know it.

The exception itself is not kept: its traceback holds the frames that hold the generator, which must not be
destroyed by a thread of its own.
"""

import re
from dataclasses import dataclass
from typing import Self

_OUT_OF_MEMORY = re.compile(r"out of memory|bad_alloc|failed to allocate|ALLOC_FAILED", re.IGNORECASE)
_GPU = re.compile(r"CUDA|cuBLAS")


@dataclass(frozen=True, slots=True)
class Failure:
    """``line`` is for the log. ``device_lost``: the device's context is beyond use, which any error of a GPU
    says but a lack of memory."""

    line: str
    out_of_memory: bool
    device_lost: bool

    @classmethod
    def from_error(cls, error: BaseException) -> Self:
        """Only errors of the run time are quoted: others may quote a token."""
        at_run_time = isinstance(error, RuntimeError)
        text = " ".join(str(error).split()) if at_run_time else ""
        out_of_memory = isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(text) is not None
        return cls(
            line=": ".join(filter(None, [type(error).__name__, text])),
            out_of_memory=out_of_memory,
            device_lost=not out_of_memory and _GPU.search(text) is not None,
        )
