"""Reading ``pytorch_model.bin`` without torch and without running what the pickle says.

``torch.save`` writes a zip of raw storages (never compressed) and ``data.pkl``, a pickle that rebuilds
tensors on them. The pickle is read twice: once as a list of opcodes, against the few that torch writes for a
state dictionary, and once by an unpickler that knows only the names below and builds descriptions of tensors.
"""

import io
import math
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from .errors import ConvertError
from .stored import READABLE, StoredTensor

MAX_PICKLE_BYTES = 64_000_000
# fmt: off
OPCODES = frozenset({
    "PROTO", "STOP", "MARK", "GLOBAL", "REDUCE", "BUILD", "BINPERSID",
    "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "SETITEM", "SETITEMS", "APPEND", "APPENDS",
    "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "NONE", "NEWTRUE", "NEWFALSE",
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE",
    "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET",
})
# fmt: on
STORAGES = {
    "FloatStorage": ("float32", 4),
    "HalfStorage": ("float16", 2),
    "BFloat16Storage": ("bfloat16", 2),
    "DoubleStorage": ("float64", 8),
    "LongStorage": ("int64", 8),
    "IntStorage": ("int32", 4),
    "ShortStorage": ("int16", 2),
    "CharStorage": ("int8", 1),
    "ByteStorage": ("uint8", 1),
    "BoolStorage": ("bool", 1),
}


# Named tuples, because a pickle's BUILD can set nothing on them; it can on dataclasses, frozen ones too.
class _StorageType(NamedTuple):
    dtype: str
    item_bytes: int


class _Storage(NamedTuple):
    key: str
    type: _StorageType


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _RebuildTensor:
    """Stands for ``torch._utils._rebuild_tensor_v2``; without attributes, so that a pickle can set none."""

    __slots__ = ()

    def __call__(
        self,
        storage: Any,
        offset: Any,
        shape: Any,
        strides: Any,
        requires_grad: Any,
        hooks: Any,
        metadata: Any = None,
    ) -> _Tensor:
        numbers = (offset, *shape, *strides)
        if not isinstance(storage, _Storage) or not all(type(n) is int and n >= 0 for n in numbers):
            raise pickle.UnpicklingError("a tensor's arguments are not a storage and sizes")
        if len(shape) != len(strides):
            raise pickle.UnpicklingError("a tensor has not as many strides as dimensions")
        return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _Refused(pickle.UnpicklingError):
    pass


class _StateUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _RebuildTensor()
        if module == "torch" and name in STORAGES:
            return _StorageType(*STORAGES[name])
        raise _Refused(f"asks for {module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", _StorageType() as type_, str(key), str(), int()):
                return _Storage(key, type_)
        raise _Refused("refers to something that is no storage")


def read_torch_zip(path: Path) -> dict[str, StoredTensor]:
    """The file's tensors. Raises ConvertError for anything but a plain state dictionary on raw storages."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {info.filename: info for info in archive.infolist()}
            prefix = _prefix(entries, path)
            state = _load_state(archive, entries[f"{prefix}/data.pkl"], path)
            order = entries.get(f"{prefix}/byteorder")
            if order and (order.compress_type != zipfile.ZIP_STORED or archive.read(order) != b"little"):
                raise ConvertError(
                    f"{path.name} was saved on a big-endian machine; save it again as safetensors"
                )
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError) as error:
        raise ConvertError(
            f"{path.name} is truncated or not in torch's zip format ({error}); "
            "fetch it again or save it as safetensors"
        ) from None
    with path.open("rb") as file:
        size = path.stat().st_size
        return {
            name: _located(tensor, name, entries, prefix, file, size, path) for name, tensor in state.items()
        }


def _prefix(entries: Mapping[str, zipfile.ZipInfo], path: Path) -> str:
    pickles = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickles) != 1:
        raise ConvertError(f"{path.name} is not a checkpoint saved by torch: it holds no single data.pkl")
    return pickles[0].removesuffix("/data.pkl")


def _load_state(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> dict[str, _Tensor]:
    def refuse(reason: object) -> NoReturn:
        raise ConvertError(
            f"{path.name} is refused: its pickle is no plain state dictionary; it {reason}; "
            "save the weights as safetensors"
        )

    if entry.file_size > MAX_PICKLE_BYTES or entry.compress_type != zipfile.ZIP_STORED:
        refuse("is compressed or too large")
    data = archive.read(entry)
    try:
        _check_opcodes(data)
        state = _StateUnpickler(io.BytesIO(data)).load()
    except _Refused as error:
        refuse(error)
    except Exception as error:  # a hostile pickle can make the unpickler raise anything
        refuse(f"cannot be read ({type(error).__name__}: {error})".replace("\n", " "))
    if not isinstance(state, dict):
        refuse("holds no dictionary")
    tensors = dict(dict.items(state))  # not state.items: a pickle may have set an attribute of that name
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, _Tensor):
            refuse(f"holds {name!r}, which is no tensor")
    return tensors


def _check_opcodes(data: bytes) -> None:
    """Refuse opcodes that torch does not write, and memo indexes that would make the unpickler allocate."""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        if opcode.name not in OPCODES:
            raise _Refused(f"uses the opcode {opcode.name}")
        if opcode.name in ("BINPUT", "LONG_BINPUT") and isinstance(argument, int) and argument > count:
            raise _Refused("has a memo index out of range")


def _located(
    tensor: _Tensor,
    name: str,
    entries: Mapping[str, zipfile.ZipInfo],
    prefix: str,
    file: io.BufferedReader,
    size: int,
    path: Path,
) -> StoredTensor:
    """Find the tensor's first byte in the file and check that all of its bytes lie inside its storage."""
    entry = entries.get(f"{prefix}/data/{tensor.storage.key}")
    dtype, item_bytes = tensor.storage.type.dtype, tensor.storage.type.item_bytes
    elements = math.prod(tensor.shape)
    if entry is None or entry.compress_type != zipfile.ZIP_STORED:
        raise ConvertError(f"{path.name} is broken: the storage of tensor {name} is missing or compressed")
    if dtype in READABLE and elements and not _contiguous(tensor):
        raise ConvertError(f"{path.name}: tensor {name} is a transposed view; save it with .contiguous()")
    start = _data_start(entry, file, path)
    if (tensor.offset + elements) * item_bytes > entry.file_size and dtype in READABLE:
        raise ConvertError(f"{path.name} is broken: tensor {name} ends past its storage")
    if start + entry.file_size > size:
        raise ConvertError(f"{path.name} is truncated: tensor {name} ends past the file; fetch it again")
    return StoredTensor(path, start + tensor.offset * item_bytes, dtype, tensor.shape)


def _contiguous(tensor: _Tensor) -> bool:
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
    if len(local) < 30 or local[:4] != b"PK\x03\x04":
        raise ConvertError(f"{path.name} is broken: the zip entry {entry.filename} is not where it should be")
    name_bytes, extra_bytes = int.from_bytes(local[26:28], "little"), int.from_bytes(local[28:30], "little")
    return entry.header_offset + 30 + name_bytes + extra_bytes
