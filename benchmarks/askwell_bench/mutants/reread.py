"""What a damaged source means to readers that are not ours: safetensors', pickle's, the gguf package's.

The source is written again, whole, from what they read; its conversion is the right one.
"""

import pickle
import shutil
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .raw import Raw, write_torch
from .raw import safetensors_bytes as to_safetensors

TORCH_DTYPES = {"FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16", "IntStorage": "I32"}
ITEM_BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I32": 4}


def reread(source: Path, folder: Path) -> Path:
    """The source again, in ``folder``. Raises whatever those readers raise at what they cannot read."""
    if source.is_file():
        return _reread_gguf(source, folder / source.name)
    root = folder / source.name
    root.mkdir()
    for path in source.iterdir():
        if path.suffix == ".safetensors":
            (root / path.name).write_bytes(to_safetensors(_safetensors(path)))
        elif path.suffix == ".bin":
            write_torch(root / path.name, _torch(path))
        else:
            shutil.copyfile(path, root / path.name)
    return root


def _safetensors(path: Path) -> dict[str, Raw]:
    from safetensors import deserialize

    return {
        name: Raw(entry["dtype"], tuple(entry["shape"]), bytes(entry["data"]))
        for name, entry in deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    }


class _Storage(NamedTuple):
    dtype: str
    key: str


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        known = {"OrderedDict": OrderedDict, "_rebuild_tensor_v2": lambda *arguments: arguments[:4]}
        return known.get(name) or TORCH_DTYPES[name]

    def persistent_load(self, pid: Any) -> _Storage:
        return _Storage(pid[1], pid[2])


def _torch(path: Path) -> dict[str, Raw]:
    with zipfile.ZipFile(path) as archive:
        prefix = next(name for name in archive.namelist() if name.endswith("/data.pkl")).removesuffix(
            "data.pkl"
        )
        with archive.open(prefix + "data.pkl") as file:
            file._expected_crc = None  # type: ignore[attr-defined]  # torch does not look at it
            state = _Unpickler(file).load()
        return {
            name: _torch_raw(archive, prefix, storage, offset, shape)
            for name, (storage, offset, shape, _) in state.items()
        }


def _torch_raw(
    archive: zipfile.ZipFile, prefix: str, storage: _Storage, offset: int, shape: tuple[int, ...]
) -> Raw:
    with archive.open(f"{prefix}data/{storage.key}") as file:
        file._expected_crc = None  # type: ignore[attr-defined]
        data = file.read()
    size = ITEM_BYTES[storage.dtype]
    end = offset + int(np.prod(shape))
    if end * size > len(data):
        raise ValueError("a tensor ends past its storage")
    return Raw(storage.dtype, tuple(shape), data[offset * size : end * size])


def _reread_gguf(source: Path, path: Path) -> Path:
    from gguf import GGUFReader, GGUFValueType, GGUFWriter

    reader = GGUFReader(source)
    writer = GGUFWriter(path, str(reader.fields["general.architecture"].contents()))
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key in ("general.architecture", "general.alignment"):
            continue
        kind = field.types[0]
        sub_type = field.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), kind, sub_type)
    for tensor in reader.tensors:
        raw = tensor.data.view(np.uint8) if tensor.data.dtype != np.uint8 else tensor.data
        writer.add_tensor(tensor.name, raw, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
