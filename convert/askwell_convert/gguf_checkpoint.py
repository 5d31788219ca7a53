"""GGUF tensors as float32 rows, dequantized by the gguf package."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from gguf.constants import GGMLQuantizationType as Type
from gguf.quants import dequantize

from .checkpoint import FloatRows, TensorInfo
from .gguf_header import GgufTensor
from .stored import read_exactly

# fmt: off
READABLE = frozenset({
    Type.F32, Type.F16, Type.BF16, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0,
    Type.Q2_K, Type.Q3_K, Type.Q4_K, Type.Q5_K, Type.Q6_K,
})
# fmt: on


class GgufCheckpoint:
    """The tensors of one GGUF file."""

    def __init__(self, path: Path, tensors: Mapping[str, GgufTensor]) -> None:
        self._path = path
        self._located = tensors
        self._descriptor = os.open(path, os.O_RDONLY)
        self._tensors = {
            name: TensorInfo(tensor.shape, tensor.type.name, tensor.type in READABLE)
            for name, tensor in tensors.items()
        }

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        return self._tensors

    def read_rows(self, name: str, start: int, out: FloatRows) -> None:
        tensor = self._located[name]
        if len(tensor.shape) == 1:  # one stored row: its elements are what the conversion calls rows
            whole = np.empty((1, tensor.row_bytes), np.uint8)
            read_exactly(self._descriptor, self._path, tensor.offset, whole)
            np.copyto(out, _dequantized(whole, tensor.type)[0, start : start + len(out)])
            return
        raw = np.empty((len(out), tensor.row_bytes), np.uint8)
        read_exactly(self._descriptor, self._path, tensor.offset + start * tensor.row_bytes, raw)
        np.copyto(out, _dequantized(raw, tensor.type))

    def close(self) -> None:
        os.close(self._descriptor)


def _dequantized(raw: npt.NDArray[np.uint8], type_: Type) -> FloatRows:
    """NaN passes without numpy's warnings here: quantizing it refuses its tensor by name."""
    with np.errstate(all="ignore"):
        return dequantize(raw, type_)
