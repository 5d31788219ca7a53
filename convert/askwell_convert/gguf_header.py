"""Reading the header of a GGUF file: metadata and where each tensor lies.

The gguf package's own reader maps the file (its pages count as memory), takes seconds over a vocabulary, and
walks an array as long as the header says, even past the end of the file. Its dequantization is what we use.
The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import io
import itertools
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from .errors import ConvertError

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
MAX_DIMENSIONS = 4
# What a header may take, however long the file behind it is. A vocabulary of 256,000 tokens takes 10 MB.
MAX_HEADER_BYTES = 128_000_000
MAX_STRING_BYTES, MAX_NAME_BYTES = 1 << 20, 1 << 10
MAX_ITEMS = 1 << 21
OVERLONG = "its header ends past the file, or is longer than any model's"


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """``shape`` is outermost dimension first; ``offset`` is from the beginning of the file."""

    shape: tuple[int, ...]
    type: GGMLQuantizationType
    offset: int
    row_bytes: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    metadata: dict[str, Any]
    tensors: dict[str, GgufTensor]


class _Fields:
    """A cursor over the header that never believes a length longer than the file, or than a header is."""

    def __init__(self, file: io.BufferedReader, size: int) -> None:
        self._file, self._size = file, min(size, MAX_HEADER_BYTES)

    def position(self) -> int:
        return self._file.tell()

    def take(self, count: int) -> bytes:
        if count > self._size - self._file.tell():
            raise ConvertError(OVERLONG)
        return self._file.read(count)

    def scalar(self, code: str) -> Any:
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]

    def string(self, limit: int = MAX_STRING_BYTES) -> str:
        length = self.scalar("Q")
        if length > limit:
            raise ConvertError(OVERLONG)
        return self.take(length).decode("utf-8")

    def value(self, kind: int) -> Any:
        if kind in SCALARS:
            return self.scalar(SCALARS[kind])
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            item, length = self.scalar("I"), self.scalar("Q")
            if length > MAX_ITEMS:
                raise ConvertError(OVERLONG)
            if item in SCALARS:
                code = SCALARS[item]
                return list(
                    struct.unpack(f"<{length}{code}", self.take(length * struct.calcsize("<" + code)))
                )
            if item == STRING:
                return [self.string() for _ in range(length)]
        raise ConvertError(f"its header has a value of unknown type {kind}")


def read_gguf_header(path: Path) -> GgufHeader:
    """Raises ConvertError for a file that is no GGUF of version 2 or 3, or whose header lies."""
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            return _header(_Fields(file, size), size)
        except ConvertError as error:
            raise ConvertError(f"{path.name} is broken: {error}") from None
        except (UnicodeDecodeError, struct.error) as error:
            raise ConvertError(f"{path.name} is broken: its header cannot be read ({error})") from None


def _header(fields: _Fields, size: int) -> GgufHeader:
    if size < 24 or fields.take(4) != b"GGUF":
        raise ConvertError("it does not begin as a GGUF file does")
    version = fields.scalar("I")
    if version not in (2, 3):
        raise ConvertError(
            f"it is a GGUF of version {version}; versions 2 and 3 (little-endian) are understood"
        )
    tensor_count, value_count = fields.scalar("Q"), fields.scalar("Q")
    metadata: dict[str, Any] = {}
    for _ in range(value_count):
        key = fields.string(MAX_NAME_BYTES)
        if key in metadata:
            raise ConvertError(f"its header gives {key} twice")
        metadata[key] = fields.value(fields.scalar("I"))
    entries = [_tensor_entry(fields) for _ in range(tensor_count)]
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1):
        raise ConvertError("its alignment is not a power of two")
    data_start = -(-fields.position() // alignment) * alignment
    tensors: dict[str, GgufTensor] = {}
    for name, shape, type_number, offset in entries:
        if name in tensors:
            raise ConvertError(f"its header gives tensor {name} twice")
        if offset % alignment:
            raise ConvertError(f"tensor {name} does not lie at a multiple of {alignment} bytes")
        tensors[name] = _placed(name, shape, type_number, data_start + offset, size)
    _check_apart(tensors)
    return GgufHeader(metadata, tensors)


def _check_apart(tensors: Mapping[str, GgufTensor]) -> None:
    spans = sorted(
        (tensor.offset, tensor.offset + tensor.row_bytes * math.prod(tensor.shape[:-1]), name)
        for name, tensor in tensors.items()
    )
    for (_, end, name), (start, _, next_name) in itertools.pairwise(spans):
        if start < end:
            raise ConvertError(f"tensors {name} and {next_name} overlap")


def _tensor_entry(fields: _Fields) -> tuple[str, tuple[int, ...], int, int]:
    name, dimensions = fields.string(MAX_NAME_BYTES), fields.scalar("I")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise ConvertError(f"tensor {name} has {dimensions} dimensions")
    shape = tuple(fields.scalar("Q") for _ in range(dimensions))[::-1]
    return name, shape, fields.scalar("I"), fields.scalar("Q")


def _placed(name: str, shape: tuple[int, ...], type_number: int, offset: int, size: int) -> GgufTensor:
    try:
        type_ = GGMLQuantizationType(type_number)
    except ValueError:
        raise ConvertError(f"tensor {name} has the unknown type {type_number}") from None
    block_values, block_bytes = GGML_QUANT_SIZES[type_]
    if shape[-1] % block_values:
        raise ConvertError(
            f"tensor {name} has rows of {shape[-1]} values, not whole blocks of {block_values}"
        )
    row_bytes = shape[-1] // block_values * block_bytes
    if offset + row_bytes * math.prod(shape[:-1]) > size:
        raise ConvertError(f"it is truncated: tensor {name} ends past the file; fetch it again")
    return GgufTensor(shape, type_, offset, row_bytes)
