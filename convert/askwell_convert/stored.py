"""Tensors that lie row after row in plain files: safetensors and torch's zip both come down to this."""

import math
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .checkpoint import FloatRows, TensorInfo
from .errors import ConvertError

READABLE = frozenset({"float32", "float16", "bfloat16"})


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """Where a tensor's bytes begin, little-endian and contiguous."""

    path: Path
    offset: int
    dtype: str
    shape: tuple[int, ...]


class StoredCheckpoint:
    """Reads with ``preadv`` into reused buffers: mapped pages would count as the process's memory.

    Several threads may read at once: each has a buffer of its own.
    """

    def __init__(self, stored: Mapping[str, StoredTensor]) -> None:
        self._stored = stored
        self._descriptors: dict[Path, int] = {}
        self._opening = threading.Lock()
        self._thread = threading.local()
        self._tensors = {
            name: TensorInfo(tensor.shape, tensor.dtype, tensor.dtype in READABLE)
            for name, tensor in stored.items()
        }

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        return self._tensors

    def read_rows(self, name: str, start: int, out: FloatRows) -> None:
        tensor = self._stored[name]
        item_bytes = 4 if tensor.dtype == "float32" else 2
        offset = tensor.offset + start * math.prod(tensor.shape[1:]) * item_bytes
        if tensor.dtype == "float32":
            self._read(tensor.path, offset, out)
            return
        raw = self._buffer(out.size).reshape(out.shape)
        self._read(tensor.path, offset, raw)
        if tensor.dtype == "float16":
            np.copyto(out, raw.view(np.float16))
        else:  # bfloat16 is the upper half of a float32
            bits = out.view(np.uint32)
            np.copyto(bits, raw)
            np.left_shift(bits, 16, out=bits)

    def close(self) -> None:
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()

    def _buffer(self, size: int) -> npt.NDArray[np.uint16]:
        raw: npt.NDArray[np.uint16] = getattr(self._thread, "raw", np.empty(0, np.uint16))
        if raw.size < size:
            self._thread.raw = raw = np.empty(size, np.uint16)
        return raw[:size]

    def _read(self, path: Path, offset: int, into: npt.NDArray[np.generic]) -> None:
        with self._opening:
            if path not in self._descriptors:
                self._descriptors[path] = os.open(path, os.O_RDONLY)
        read_exactly(self._descriptors[path], path, offset, into)


def read_exactly(descriptor: int, path: Path, offset: int, into: npt.NDArray[np.generic]) -> None:
    """Fill ``into`` from ``offset`` on. Raises ConvertError when the file ends before it is full."""
    view = into.data.cast("B")
    while len(view):
        count = os.preadv(descriptor, [view], offset)
        if count == 0:
            raise ConvertError(f"{path.name} is truncated: it ends at byte {offset}; fetch it again")
        view = view[count:]
        offset += count
