"""The driver's memory pool, reached past ctranslate2, which has no option for it.

ctranslate2 takes memory with cudaMallocAsync, and the pool behind it gives everything unused back to the
driver at every synchronisation (its release threshold is 0), to be mapped again a moment later. The CUDA
driver API's cuMemPoolSetAttribute raises that threshold.
"""

import ctypes
from typing import Any

_RELEASE_THRESHOLD, _RESERVED_CURRENT = 4, 5  # CUmemPool_attribute of cuda.h
_EVERYTHING = 2**64 - 1


def keep_memory(device: int = 0) -> dict[str, Any]:
    """Keep all that is freed. Call it once the context exists, that is with a model loaded.

    Raises RuntimeError when there is no driver, or when it refuses.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise RuntimeError(f"no CUDA driver: {error}") from None
    handle, pool = ctypes.c_int(), ctypes.c_void_p()
    threshold, reserved = ctypes.c_uint64(_EVERYTHING), ctypes.c_uint64()
    _call(driver, "cuInit", ctypes.c_uint(0))
    _call(driver, "cuDeviceGet", ctypes.byref(handle), ctypes.c_int(device))
    _call(driver, "cuDeviceGetDefaultMemPool", ctypes.byref(pool), handle)
    _call(driver, "cuMemPoolSetAttribute", pool, ctypes.c_int(_RELEASE_THRESHOLD), ctypes.byref(threshold))
    _call(driver, "cuMemPoolGetAttribute", pool, ctypes.c_int(_RESERVED_CURRENT), ctypes.byref(reserved))
    return {"reserved_mib": reserved.value >> 20}


def _call(driver: ctypes.CDLL, name: str, *values: Any) -> None:
    code = getattr(driver, name)(*values)
    if code != 0:
        raise RuntimeError(f"{name} failed with CUDA error {code}")
