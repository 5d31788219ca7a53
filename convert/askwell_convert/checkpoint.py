"""What the conversion needs from a checkpoint, whatever file format it comes in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatRows = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Shape (outermost dimension first) and the format's own name of the type.

    ``readable`` is false for types that are no weights, such as the masks that GPT-J checkpoints carry along.
    """

    shape: tuple[int, ...]
    dtype: str
    readable: bool


class Checkpoint(Protocol):
    """Named tensors on disk, read a few rows at a time, by several threads at once."""

    @property
    def tensors(self) -> Mapping[str, TensorInfo]: ...

    def read_rows(self, name: str, start: int, out: FloatRows) -> None:
        """Fill ``out`` with rows ``start`` to ``start + len(out)`` of a readable tensor.

        Rows run along the first dimension; ``out`` is C-contiguous.
        Raises ConvertError when the file ends early.
        """
        ...

    def close(self) -> None: ...
