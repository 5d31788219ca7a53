"""Tensors as the bytes that a file holds, and the two formats they are written in without torch."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

TORCH_STORAGES = {
    "F32": "FloatStorage",
    "F16": "HalfStorage",
    "BF16": "BFloat16Storage",
    "I32": "IntStorage",
    "U8": "ByteStorage",
    "BOOL": "BoolStorage",
}
PICKLE_START, PICKLE_END = b"\x80\x02ccollections\nOrderedDict\n)R(", b"u."


@dataclass(frozen=True, slots=True)
class Raw:
    """``dtype`` as safetensors or GGUF name it; ``shape`` counts values; ``data`` is little-endian."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


Raws = Mapping[str, Raw]


def raw_from_array(array: npt.NDArray[np.float32], dtype: str = "F32") -> Raw:
    if dtype == "F16":
        return Raw(dtype, array.shape, array.astype(np.float16).tobytes())
    if dtype == "BF16":
        return Raw(dtype, array.shape, (array.view(np.uint32) >> 16).astype(np.uint16).tobytes())
    return Raw(dtype, array.shape, array.tobytes())


def safetensors_bytes(tensors: Raws) -> bytes:
    header, position = {}, 0
    for name, raw in tensors.items():
        end = position + len(raw.data)
        header[name] = {"dtype": raw.dtype, "shape": raw.shape, "data_offsets": [position, end]}
        position = end
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(raw.data for raw in tensors.values())


def write_torch(path: Path, tensors: Raws) -> None:
    """What ``torch.save`` writes for a state dictionary."""
    items = [_text(name) + _pickled(str(key), raw) for key, (name, raw) in enumerate(tensors.items())]
    write_torch_pickle(
        path, PICKLE_START + b"".join(items) + PICKLE_END, [raw.data for raw in tensors.values()]
    )


def write_torch_pickle(path: Path, pickled: bytes, storages: Sequence[bytes]) -> None:
    """The zip around a pickle that may be anything."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", "little")
        for key, storage in enumerate(storages):
            archive.writestr(f"archive/data/{key}", storage)


def _pickled(key: str, raw: Raw) -> bytes:
    """A call of torch's function that rebuilds a tensor on a storage."""
    strides = tuple(int(np.prod(raw.shape[axis + 1 :])) for axis in range(len(raw.shape)))
    count = int(np.prod(raw.shape))
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(("
        + _text("storage") + b"ctorch\n" + TORCH_STORAGES[raw.dtype].encode() + b"\n"
        + _text(key) + _text("cpu") + _number(count) + b"tQK\x00"
        + _numbers(raw.shape) + _numbers(strides) + b"\x89ccollections\nOrderedDict\n)RtR"
    )  # fmt: skip


def _text(text: str) -> bytes:
    return b"X" + len(text.encode()).to_bytes(4, "little") + text.encode()


def _number(number: int) -> bytes:
    return b"J" + number.to_bytes(4, "little")


def _numbers(numbers: Sequence[int]) -> bytes:
    return b"(" + b"".join(_number(number) for number in numbers) + b"t"
