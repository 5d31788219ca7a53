"""The stage ``checkpoint``: a GPT-J of random weights in Hugging Face's layout, streamed to the disk.

The real weights cannot be had everywhere; speed and memory do not depend on them. They are float16, normal
with deviation 0.02, as GPT-J is initialised, and the two matrices of a layer that write to the residual
stream are smaller by sqrt(2 · layers), so that activations stay in a realistic range through all layers.
Drawing six billion numbers would take minutes: tensors are slices, at seeded random offsets, of a pool of
2**24 drawn ones. The tokenizer is made up as well (``vocabulary.py``).

The writer is a process of its own, so that its peak memory is its own.
"""

import json
import math
import struct
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from .child import Told, answer, ask
from .shape import Shape
from .stage import Finding, Stage, Work
from .vocabulary import write_tokenizer

WEIGHTS = "model.safetensors"
_SPENT = "askwell-bench.json"  # beside the weights, for a run that finds them there already
_DEVIATION = 0.02
_POOL, _DRAW = 1 << 24, 1 << 21
_LIMIT_S = 530.0

Values = npt.NDArray[np.float16]


def checkpoint_stage(shape: Shape) -> Stage:
    """The stage that writes a checkpoint of this shape."""
    return Stage(
        "checkpoint",
        "write a GPT-J checkpoint of random weights",
        lambda work: _measure(work, shape),
        left=lambda work: is_complete(work.checkpoint, shape),
    )


def is_complete(folder: Path, shape: Shape) -> bool:
    """Whether the folder holds a checkpoint of this shape, whole."""
    weights = folder / WEIGHTS
    if not weights.is_file() or weights.stat().st_size != len(_header(shape)) + shape.weights_bytes:
        return False
    try:
        return Shape.of_checkpoint(folder) == shape
    except ValueError:
        return False


def write_checkpoint(folder: Path, shape: Shape, seed: int = 0) -> Iterator[float]:
    """Yields the share that is written. The weights get their name when they are whole."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(shape.config(), indent=1), encoding="utf-8")
    write_tokenizer(folder, shape.vocabulary, shape.positions)
    unfinished = _unfinished(folder)
    try:
        with unfinished.open("wb") as file:
            file.write(_header(shape))
            yield from _write_weights(file, shape, np.random.default_rng(seed))
        unfinished.replace(folder / WEIGHTS)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_weights(file: BinaryIO, shape: Shape, random: np.random.Generator) -> Iterator[float]:
    pool = _pool(random, min(_POOL, max(math.prod(dimensions) for _, dimensions in shape.tensors())))
    residual = (pool / np.float16(math.sqrt(2 * shape.layers))).astype(np.float16)
    written, total = 0, shape.weights_bytes
    for name, dimensions in shape.tensors():
        count = math.prod(dimensions)
        if "ln_" in name:
            file.write(np.full(count, name.endswith("weight"), np.float16).tobytes())
        else:
            adds = name.endswith(("out_proj.weight", "fc_out.weight"))
            for part in _slices(residual if adds else pool, count, random):
                file.write(part.data)
        written += 2 * count
        yield written / total


def _pool(random: np.random.Generator, size: int) -> Values:
    """Drawn piece by piece: float32 takes twice the memory."""
    pool = np.empty(size, np.float16)
    for start in range(0, size, _DRAW):
        part = pool[start : start + _DRAW]
        part[:] = random.standard_normal(part.size, dtype=np.float32) * _DEVIATION
    return pool


def _slices(pool: Values, count: int, random: np.random.Generator) -> Iterator[Values]:
    while count:
        start = int(random.integers(pool.size))
        part = pool[start : start + count]
        count -= part.size
        yield part


def _unfinished(folder: Path) -> Path:
    return folder / (WEIGHTS + ".part")


def _header(shape: Shape) -> bytes:
    """A safetensors file begins with its header's length (8 bytes, little-endian) and the header, as JSON."""
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, dimensions in shape.tensors():
        start, end = end, end + 2 * math.prod(dimensions)
        entries[name] = {"dtype": "F16", "shape": list(dimensions), "data_offsets": [start, end]}
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _measure(work: Work, shape: Shape) -> Finding:
    size = len(_header(shape)) + shape.weights_bytes
    figures: dict[str, Any] = {"bytes": size, "tensors": sum(1 for _ in shape.tensors())}
    if is_complete(work.checkpoint, shape):
        line = f"{size / 1e9:.2f} GB of float16 weights are there already"
        return Finding((line,), {**figures, **_spent(work.checkpoint), "reused": True})
    request = {"folder": str(work.checkpoint), "shape": asdict(shape)}
    try:
        told = ask("askwell_bench.gptj.checkpoint", request, limit_s=_LIMIT_S).whole()
    finally:
        _unfinished(work.checkpoint).unlink(missing_ok=True)  # of a writer that was killed
    spent = {"seconds": told.seconds, "peak_mb": told.peak_mb}
    (work.checkpoint / _SPENT).write_text(json.dumps(spent), encoding="utf-8")
    took = f"in {told.seconds:.1f} s, peak memory {told.peak_mb:.0f} MB"
    return Finding((f"{size / 1e9:.2f} GB of float16 weights {took}",), {**figures, **spent})


def _spent(folder: Path) -> dict[str, Any]:
    """What writing a checkpoint took, when it was written."""
    try:
        spent: dict[str, Any] = json.loads((folder / _SPENT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"seconds": None, "peak_mb": None}
    return spent


def _write(request: Mapping[str, Any]) -> Iterator[Told]:
    spoken = 0.0
    for share in write_checkpoint(Path(request["folder"]), Shape(**request["shape"])):
        if share >= spoken + 0.1:
            spoken = share
            yield {"progress": f"{share:.0%} written"}


if __name__ == "__main__":
    sys.exit(answer(_write))
