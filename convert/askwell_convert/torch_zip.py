"""Reading ``pytorch_model.bin`` without torch and without running what the pickle says.

``torch.save`` writes a zip of raw storages (never compressed) and ``data.pkl``, a pickle that rebuilds
tensors on them.
"""

import io
import itertools
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from .errors import ConvertError
from .stored import READABLE, StoredTensor
from .torch_pickle import MAX_PICKLE_BYTES, Refused, TorchTensor, read_state

MAX_READ_BYTES = 16_000_000  # of the zip's directory at once; a model's takes some 0.1 MB


class _ZipFile(io.FileIO):
    """Never reads as much as a zip's end record or entry may claim: zipfile would, into memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_READ_BYTES:
            raise zipfile.BadZipFile(f"it claims a directory of {size} bytes")
        return super().read(-1 if size is None else size) or b""


@dataclass(frozen=True, slots=True)
class _Storage:
    """Where the bytes of a zip entry begin and end in the file."""

    start: int
    end: int


def read_torch_zip(path: Path) -> dict[str, StoredTensor]:
    """The file's tensors. Raises ConvertError for anything but a plain state dictionary on raw storages."""
    try:
        with _ZipFile(path) as file, zipfile.ZipFile(file) as archive:
            entries = {info.filename: info for info in archive.infolist()}
            prefix = _prefix(entries, path)
            state = _load_state(archive, entries[f"{prefix}/data.pkl"], path)
            order = entries.get(f"{prefix}/byteorder")
            if order and (order.compress_type != zipfile.ZIP_STORED or archive.read(order) != b"little"):
                raise ConvertError(
                    f"{path.name} was saved on a big-endian machine; save it again as safetensors"
                )
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ConvertError(
            f"{path.name} is truncated or not in torch's zip format ({error}); "
            "fetch it again or save it as safetensors"
        ) from None
    storages = _storages(state, entries, prefix, path)
    return {name: _located(each, name, storages[each.storage.key], path) for name, each in state.items()}


def _prefix(entries: Mapping[str, zipfile.ZipInfo], path: Path) -> str:
    pickles = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickles) != 1:
        raise ConvertError(f"{path.name} is not a checkpoint saved by torch: it holds no single data.pkl")
    return pickles[0].removesuffix("/data.pkl")


def _load_state(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> dict[str, TorchTensor]:
    def refuse(reason: object) -> NoReturn:
        raise ConvertError(
            f"{path.name} is refused: its pickle is no plain state dictionary; it {reason}; "
            "save the weights as safetensors"
        )

    if entry.file_size > MAX_PICKLE_BYTES or entry.compress_type != zipfile.ZIP_STORED:
        refuse("is compressed or too large")
    try:
        return read_state(archive.read(entry))
    except Refused as error:
        refuse(error)


def _storages(
    state: Mapping[str, TorchTensor], entries: Mapping[str, zipfile.ZipInfo], prefix: str, path: Path
) -> dict[str, _Storage]:
    """The storages that the tensors lie on, by key. Raises ConvertError unless they lie side by side."""
    found: dict[str, _Storage] = {}
    with path.open("rb") as file:
        size = path.stat().st_size
        for name, tensor in state.items():
            key = tensor.storage.key
            if key in found:  # tied weights share one
                continue
            entry = entries.get(f"{prefix}/data/{key}")
            if entry is None or entry.compress_type != zipfile.ZIP_STORED:
                raise ConvertError(
                    f"{path.name} is broken: the storage of tensor {name} is missing or compressed"
                )
            start = _data_start(entry, file, path)
            found[key] = _Storage(start, start + entry.file_size)
            if found[key].end > size:
                raise ConvertError(
                    f"{path.name} is truncated: tensor {name} ends past the file; fetch it again"
                )
    spans = sorted((storage.start, storage.end, key) for key, storage in found.items())
    for (_, end, key), (start, _, next_key) in itertools.pairwise(spans):
        if start < end:
            raise ConvertError(f"{path.name} is broken: its storages {key} and {next_key} overlap")
    return found


def _located(tensor: TorchTensor, name: str, storage: _Storage, path: Path) -> StoredTensor:
    """Find the tensor's first byte in the file and check that all of its bytes lie inside its storage."""
    dtype, item_bytes = tensor.storage.dtype, tensor.storage.item_bytes
    elements = math.prod(tensor.shape)
    start = storage.start + tensor.offset * item_bytes
    if dtype in READABLE:
        if elements and not _contiguous(tensor):
            raise ConvertError(f"{path.name}: tensor {name} is a transposed view; save it with .contiguous()")
        if start + elements * item_bytes > storage.end:
            raise ConvertError(f"{path.name} is broken: tensor {name} ends past its storage")
    return StoredTensor(path, start, dtype, tensor.shape)


def _contiguous(tensor: TorchTensor) -> bool:
    expected = 1
    for size, stride in zip(reversed(tensor.shape), reversed(tensor.strides), strict=True):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


def _data_start(entry: zipfile.ZipInfo, file: io.BufferedReader, path: Path) -> int:
    """The data follows the local header, whose extra field has a length of its own (torch pads there)."""
    file.seek(entry.header_offset)
    local = file.read(30)
    name_bytes, extra_bytes = int.from_bytes(local[26:28], "little"), int.from_bytes(local[28:30], "little")
    name = file.read(name_bytes)
    if len(local) < 30 or local[:4] != b"PK\x03\x04" or name != entry.orig_filename.encode():
        raise ConvertError(f"{path.name} is broken: the zip entry {entry.filename} is not where it should be")
    return entry.header_offset + 30 + name_bytes + extra_bytes
