"""What memory a cache takes, and what there is for caches.

Knows the shape of ``model.bin`` and no ctranslate2, so that the front may ask as well.
"""

import ctypes
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .cgroup import own_groups

_BINARY_VERSION = 6
_ATTENTION_OUTPUT = re.compile(r"decoder/layer_\d+/self_attention/linear_1/weight")
# A control group's limit, what counts towards it, and what of that is given back in need (cached files).
_CGROUP_2 = ("memory.max", "memory.current", "inactive_file")
_CGROUP_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_NO_LIMIT = 2**62  # version 1 writes nearly 2^63, version 2 "max"


def cached_token_bytes(model_dir: Path, compute_type: str) -> int:
    """Bytes that one token of one row takes in the cache: a key and a value per layer, each as wide as all
    heads together (grouped keys and values are stored once per query head), never in eight bits. A decoding
    step copies the cache, so it needs as much again.

    0 where ``model.bin`` is of a format or an architecture that is not known here.
    """
    try:
        with (model_dir / "model.bin").open("rb") as file:
            widths = [shape[1] for name, shape in _variables(file) if _ATTENTION_OUTPUT.fullmatch(name)]
    except (OSError, ValueError, struct.error, IndexError):
        return 0
    return 2 * sum(widths) * _float_bytes(compute_type)


def _float_bytes(compute_type: str) -> int:
    return 2 if compute_type.endswith(("float16", "bfloat16")) else 4


def _variables(file: BinaryIO) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes, in the order of ctranslate2's ``ModelSpec._serialize``; the data is skipped."""

    def number(form: str) -> int:
        size = struct.calcsize(form)
        return int(struct.unpack(form, file.read(size))[0])

    def text() -> str:
        return file.read(number("<H"))[:-1].decode()

    if number("<I") != _BINARY_VERSION:
        raise ValueError("another version of model.bin")
    text()  # the specification's name, and then its revision
    number("<I")
    for _ in range(number("<I")):
        name = text()
        shape = tuple(number("<I") for _ in range(number("<B")))
        number("<B")  # the type of its values
        yield name, shape
        file.seek(number("<I"), 1)


def free_bytes(device: str) -> int | None:
    """Memory of ``device`` ("cpu" or "cuda:N") that caches may take now; None if unknown."""
    kind, _, index = device.partition(":")
    return _free_on_gpu(int(index or 0)) if kind == "cuda" else free_of_system()


def free_of_system(root: Path = Path("/")) -> int | None:
    """What Linux counts as available, and no more than a limit on a group that this process is in leaves."""
    known = [room for group in own_groups("memory", root) if (room := _room(group)) is not None]
    try:
        found = re.search(r"^MemAvailable:\s*(\d+) kB$", (root / "proc/meminfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    if found:
        known.append(int(found[1]) * 1024)
    return min(known, default=None)


def _room(group: Path) -> int | None:
    """What the group's limit leaves to all that is in it; None where it has none."""
    for limit_file, used_file, given_back in (_CGROUP_2, _CGROUP_1):
        try:
            limit = int((group / limit_file).read_text())
            used = int((group / used_file).read_text())
            found = re.search(rf"^{given_back} (\d+)$", (group / "memory.stat").read_text(), re.MULTILINE)
        except (OSError, ValueError):  # "max" is no number
            continue
        if limit < _NO_LIMIT:
            return max(0, limit - used + (int(found[1]) if found else 0))
    return None


def _free_on_gpu(index: int) -> int | None:
    """Asks the driver, in the context that ctranslate2 uses as well: the device's primary one."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    device, context = ctypes.c_int(), ctypes.c_void_p()
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    if cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(device), index):
        return None
    if cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device):
        return None
    try:
        if cuda.cuCtxPushCurrent_v2(context):
            return None
        failed = cuda.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total))
        cuda.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))
    finally:
        cuda.cuDevicePrimaryCtxRelease_v2(device)
    return None if failed else free.value
