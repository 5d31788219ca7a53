"""How much a decoding step must read, counted from the variables of model.bin.

Every weight is read once a step, whatever the batch, with one exception: of an embedding table that is not
tied to the output layer a step reads a row for each token. Norms, biases and scales count; position
encodings do not. Each value counts with the width that it has while computing, not as it is stored.

The cache of a token is its keys and values in every layer, for all heads: heads that share a key in the model
are stored apart (facts on CTranslate2: grouped-query keys are replicated).
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_INT8 = 1  # CTranslate2's number of the type
_NOT_READ = ("/position_encodings/encodings",)
_EMBEDDINGS = ("decoder/embeddings/weight", "decoder/embeddings/weight_scale")
_PROJECTION = "decoder/projection/weight"
_ATTENTION_OUTPUT = "/self_attention/linear_1/weight"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes: the weights that every step reads, and the cache of one token of one row."""

    step_bytes: int
    cache_bytes: int


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str
    shape: tuple[int, ...]
    type: int


def step_traffic(model_bin: Path, compute_type: str) -> Traffic:
    """For weights computed in ``compute_type``, as a loaded generator names it: "int8_float32"."""
    float_type = compute_type.rpartition("_")[2]
    float_bytes = 2 if float_type in ("float16", "bfloat16") else 4
    int8_bytes = 1 if compute_type.startswith("int8") else float_bytes
    with model_bin.open("rb") as file:
        variables = list(_variables(file))
    tied = all(variable.name != _PROJECTION for variable in variables)  # then it is stored as an alias
    step_bytes = cache_bytes = 0
    for variable in variables:
        if variable.name.endswith(_ATTENTION_OUTPUT):
            cache_bytes += 2 * variable.shape[1] * float_bytes
        if variable.name.endswith(_NOT_READ) or (variable.name in _EMBEDDINGS and not tied):
            continue
        scale = variable.name.endswith("_scale")
        width = 4 if scale else int8_bytes if variable.type == _INT8 else float_bytes
        step_bytes += math.prod(variable.shape) * width
    return Traffic(step_bytes, cache_bytes)


def _variables(file: BinaryIO) -> Iterator[_Variable]:
    """The header of every variable, its values skipped."""

    def number(code: str) -> int:
        size = struct.calcsize("<" + code)
        return int(struct.unpack("<" + code, file.read(size))[0])

    def text() -> str:
        return file.read(number("H")).rstrip(b"\0").decode()

    number("I"), text(), number("I")  # version, name and revision of the specification
    for _ in range(number("I")):
        name = text()
        shape = tuple(number("I") for _ in range(number("B")))
        kind = number("B")
        file.seek(number("I"), 1)
        yield _Variable(name, shape, kind)
