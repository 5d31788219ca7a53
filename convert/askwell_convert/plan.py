"""What an architecture's mapping says: which rows of which tensors make up each variable of the model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .checkpoint import Checkpoint
from .errors import ConvertError


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one source tensor, as they go into a variable: parts are stacked along the first dimension.

    ``shape`` is the part's own. ``head_order`` reorders rows inside each attention head: its row i is the
    source's ``head_order[i]``. Where the part is not the whole tensor, ``tensor_shape`` gives the tensor's
    shape and ``start`` the part's first row. A ``transposed`` tensor has its columns for the part's rows.
    """

    tensor: str
    shape: tuple[int, ...]
    head_order: npt.NDArray[np.intp] | None = None
    start: int = 0
    tensor_shape: tuple[int, ...] | None = None
    transposed: bool = False

    @property
    def source_shape(self) -> tuple[int, ...]:
        """The shape that the checkpoint's tensor must have."""
        if self.tensor_shape is not None:
            return self.tensor_shape
        return self.shape[::-1] if self.transposed else self.shape


Weights = dict[str, tuple[Part, ...]]


@dataclass(frozen=True, slots=True)
class Plan:
    """A model before its weights are read.

    ``spec`` is ctranslate2's specification, still empty; ``weights`` fills it by variable path, ``aliases``
    maps a variable's path to the one it shares. ``buffers`` matches tensors of the source that are no weight.
    ``padding_token`` spells vocabulary entries that the tokenizer lacks, by a number.
    """

    architecture: str
    positions: int
    vocabulary_size: int
    spec: Any
    weights: Mapping[str, tuple[Part, ...]]
    aliases: Mapping[str, str]
    layer_norm_epsilon: float | None
    buffers: re.Pattern[str]
    padding_token: str


def linear(to: str, source: str, rows: int, columns: int, *, bias: bool = True) -> Weights:
    """A linear layer whose weight is one tensor, [rows, columns]."""
    weights: Weights = {f"{to}/weight": (Part(f"{source}.weight", (rows, columns)),)}
    if bias:
        weights[f"{to}/bias"] = (Part(f"{source}.bias", (rows,)),)
    return weights


def layer_norm(to: str, source: str, width: int) -> Weights:
    """A layer norm with gain and bias."""
    return {
        f"{to}/gamma": (Part(f"{source}.weight", (width,)),),
        f"{to}/beta": (Part(f"{source}.bias", (width,)),),
    }


def sliced_rotary_order(head_rows: int, rotary_dim: int) -> npt.NDArray[np.intp]:
    """The order that turns interleaved rotary pairs into halves: evens, then odds, then what is not rotated.

    ctranslate2 rotates the halves of the first ``rotary_dim`` rows of a head (``rotary_interleave=False``);
    GPT-J checkpoints and GGUF files store the pairs side by side.
    """
    rows = np.arange(head_rows)
    return np.concatenate([rows[:rotary_dim:2], rows[1:rotary_dim:2], rows[rotary_dim:]])


def check_tensors(plan: Plan, checkpoint: Checkpoint) -> None:
    """Raises ConvertError unless the checkpoint holds exactly the plan's tensors, in the plan's shapes."""
    expected = {part.tensor: part.source_shape for parts in plan.weights.values() for part in parts}
    found = checkpoint.tensors
    if missing := [name for name in expected if name not in found]:
        raise ConvertError(f"the checkpoint lacks {_some(missing)}")
    if unknown := [name for name in found if name not in expected and not plan.buffers.fullmatch(name)]:
        raise ConvertError(
            f"the checkpoint holds what a {plan.architecture} model does not have: {_some(unknown)}"
        )
    for name, shape in expected.items():
        info = found[name]
        if info.shape != shape:
            raise ConvertError(
                f"tensor {name} has shape {list(info.shape)}; the configuration says {list(shape)}"
            )
        if not info.readable:
            raise ConvertError(f"tensor {name} is stored as {info.dtype}, which this converter does not read")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return "tensor " * (len(names) == 1) + ", ".join(names[:3]) + more
