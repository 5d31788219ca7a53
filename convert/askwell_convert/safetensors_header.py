"""Reading the header of a safetensors file.

The library maps the file and has no bfloat16 in numpy; the conversion wants offsets to read from. The format:
https://huggingface.co/docs/safetensors (8 bytes header length, little-endian; JSON; data).
"""

import itertools
import json
import math
from pathlib import Path
from typing import Any

from .errors import ConvertError
from .stored import StoredTensor

# The format allows 100 MB, which as Python objects can take gigabytes. Twenty thousand tensors need 3 MB.
MAX_HEADER_BYTES = 16_000_000
MAX_NAME_CHARACTERS = 1000  # names are told in errors
MAX_DIMENSIONS, MAX_SIZE = 8, 1 << 48  # their product is computed
ITEM_BYTES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
    "U64": 8,
    "U32": 4,
    "U16": 2,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
}
FLOAT_NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def read_safetensors(path: Path) -> dict[str, StoredTensor]:
    """The file's tensors. Raises ConvertError for a header that does not describe exactly the file's data."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
        if size < 8 or header_bytes > size - 8:
            raise ConvertError(f"{path.name} is truncated or no safetensors file: its header is cut off")
        if header_bytes > MAX_HEADER_BYTES:
            raise ConvertError(
                f"{path.name} has a header of {header_bytes} bytes; more than {MAX_HEADER_BYTES} are not read"
            )
        header = _parse(file.read(header_bytes), path)
    header.pop("__metadata__", None)
    data_start = 8 + header_bytes
    spans: list[tuple[int, int, str]] = []
    stored = {}
    for name, entry in header.items():
        dtype, shape, (begin, end) = _checked(entry, name, path)
        if data_start + end > size:
            raise ConvertError(f"{path.name} is truncated: tensor {name} ends past the file; fetch it again")
        spans.append((begin, end, name))
        stored[name] = StoredTensor(path, data_start + begin, FLOAT_NAMES.get(dtype, dtype), shape)
    spans.sort()
    for (_, end, name), (begin, _, next_name) in itertools.pairwise(spans):
        if begin < end:
            raise ConvertError(f"{path.name} is broken: tensors {name} and {next_name} overlap")
    if sum(end - begin for begin, end, _ in spans) != size - data_start:
        raise ConvertError(f"{path.name} is broken: it holds bytes that are of no tensor; fetch it again")
    return stored


def _parse(text: bytes, path: Path) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        data = dict(pairs)
        if len(data) != len(pairs):
            raise ConvertError(f"{path.name} is broken: its header names a tensor twice")
        return data

    try:
        header = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise ConvertError(f"{path.name} is no safetensors file: its header is not JSON ({error})") from None
    if not isinstance(header, dict):
        raise ConvertError(f"{path.name} is no safetensors file: its header is not an object")
    return header


def _checked(entry: Any, name: str, path: Path) -> tuple[str, tuple[int, ...], tuple[int, int]]:
    if len(name) > MAX_NAME_CHARACTERS:
        raise ConvertError(f"{path.name} is broken: a tensor has a name of {len(name)} characters")
    match entry:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [int(begin), int(end)]} if (
            dtype in ITEM_BYTES
            and len(shape) <= MAX_DIMENSIONS
            and all(type(size) is int and 0 <= size <= MAX_SIZE for size in shape)
            and 0 <= begin <= end <= MAX_SIZE
        ):
            if math.prod(shape) * ITEM_BYTES[dtype] != end - begin:
                raise ConvertError(
                    f"{path.name} is broken: tensor {name} has not as many bytes as its shape says"
                )
            return dtype, tuple(shape), (begin, end)
        case _:
            raise ConvertError(f"{path.name} is broken: its header entry for tensor {name} cannot be read")
