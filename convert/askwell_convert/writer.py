"""model.bin as ctranslate2 reads it, written by several threads at once.

The size of every variable is known before its values are, and so is its place in the file: each thread takes
the next variable, and reads, converts and writes it block by block to where it belongs. The main thread
follows them and takes the sha256 of what is whole from the file's beginning on, out of the system's cache.
The format is that of ``ModelSpec._serialize`` in ctranslate2/specs/model_spec.py.
"""

import hashlib
import json
import os
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import numpy.typing as npt
from askwell_manifest import FileRecord
from ctranslate2.specs.model_spec import CURRENT_BINARY_VERSION

from .errors import ConvertError
from .specification import Specification
from .variable import LazyVariable

MODEL, CONFIG, VOCABULARY = "model.bin", "config.json", "vocabulary.json"
TYPES = ("float32", "int8", "int16", "int32", "float16", "bfloat16")  # by their numbers in the file
WORKERS = 2
HASH_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Place:
    """A variable's values, from byte ``start`` of the file to ``end``."""

    variable: Any
    start: int
    end: int


def write_model(filled: Specification, folder: Path, workers: int = WORKERS) -> FileRecord:
    """Write the bytes that ctranslate2's ``spec.save`` would; the record returned is model.bin's.

    Raises what reading and quantizing raise, after every thread has ended.
    """
    (folder / VOCABULARY).write_text(json.dumps(filled.vocabulary, indent=2), encoding="utf-8")
    filled.spec.config.save_as_json(str(folder / CONFIG))
    descriptor = os.open(folder / MODEL, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        return _write(descriptor, filled.spec, workers)
    finally:
        os.close(descriptor)


def _write(descriptor: int, spec: Any, workers: int) -> FileRecord:
    places, size = _write_frame(descriptor, spec)
    starts = {id(place.variable): place.start for place in places}
    digest, hashed, given_up = hashlib.sha256(), 0, Event()

    def fill(place: _Place) -> None:
        if isinstance(place.variable, LazyVariable):
            for variable, start, values in place.variable.pieces():
                if given_up.is_set():
                    return
                _write_at(descriptor, starts[id(variable)] + start * variable.item_bytes, values)
        else:
            _write_at(descriptor, place.start, np.frombuffer(place.variable.to_bytes(), np.uint8))

    with ThreadPoolExecutor(workers, "askwell-convert") as pool:
        try:
            filling = [(place, pool.submit(fill, place)) for place in places]
            for place, filled in filling:
                filled.result()
                _hash(digest, descriptor, hashed, place.end)
                hashed = place.end
        except BaseException:
            given_up.set()
            pool.shutdown(cancel_futures=True)
            raise
    _hash(digest, descriptor, hashed, size)
    return FileRecord(digest.hexdigest(), size)


def _write_frame(descriptor: int, spec: Any) -> tuple[list[_Place], int]:
    """Everything but the values: where those go, and the size of the file."""
    variables = spec.variables(ordered=True)
    aliases = [(name, value) for name, value in variables if isinstance(value, str)]
    stored = [(name, value) for name, value in variables if not isinstance(value, str)]
    head = struct.pack("I", CURRENT_BINARY_VERSION) + _string(spec.name)
    position = _append(descriptor, 0, head + struct.pack("II", spec.revision, len(stored)))
    places = []
    for name, variable in stored:
        position = _append(descriptor, position, _string(name) + _description(variable))
        places.append(_Place(variable, position, position + variable.num_bytes()))
        position = places[-1].end
    tail = struct.pack("I", len(aliases)) + b"".join(_string(name) + _string(to) for name, to in aliases)
    return places, _append(descriptor, position, tail)


def _description(variable: Any) -> bytes:
    shape = variable.shape
    return (
        struct.pack("B", len(shape))
        + struct.pack(f"{len(shape)}I", *shape)
        + struct.pack("B", TYPES.index(variable.dtype))
        + struct.pack("I", variable.num_bytes())
    )


def _string(text: str) -> bytes:
    encoded = text.encode("utf-8")
    return struct.pack("H", len(encoded) + 1) + encoded + b"\0"


def _append(descriptor: int, position: int, frame: bytes) -> int:
    _write_at(descriptor, position, np.frombuffer(frame, np.uint8))
    return position + len(frame)


def _write_at(descriptor: int, position: int, values: npt.NDArray[Any]) -> None:
    view = values.reshape(-1).view(np.uint8).data
    while len(view):
        count = os.pwrite(descriptor, view, position)
        view, position = view[count:], position + count


def _hash(digest: "hashlib._Hash", descriptor: int, start: int, end: int) -> None:
    buffer = memoryview(bytearray(min(HASH_BYTES, end - start)))
    while start < end:
        count = os.preadv(descriptor, [buffer[: end - start]], start)
        if count == 0:
            raise ConvertError(f"{MODEL} became shorter while it was written")
        digest.update(buffer[:count])
        start += count
