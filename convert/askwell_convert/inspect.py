"""What a model holds, and what memory it would need at each precision."""

import math
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from askwell_manifest import MANIFEST_NAME, Manifest, read_manifest

from .convert import open_source
from .errors import ConvertError
from .model_bin import variable_shapes
from .room import LOADING_SHARE
from .source import Source

FLOAT_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
PRECISIONS = ("int8_float16", "int8_bfloat16", "int8_float32", "float16", "bfloat16", "float32")
SCALE_BYTES = 4
CACHED_TOKENS = 1000
_LAYER = re.compile(r"(?<=/layer_)\d+")
_ATTENTION_OUTPUT = re.compile(r"decoder/layer_\d+/self_attention/linear_1/weight")

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Group:
    """Variables of the same name and shape in ``count`` layers."""

    name: str
    shape: tuple[int, ...]
    count: int

    @property
    def values(self) -> int:
        return self.count * math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes at one precision.

    Of the weights on a GPU, and on a CPU, where what is no int8 is float32; at the peak of loading on a CPU;
    and of the cache of 1,000 tokens of one row.
    """

    precision: str
    gpu: int
    cpu: int
    cpu_loading: int
    gpu_cache: int
    cpu_cache: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """``stored`` says how the weights are stored now; ``manifest`` is None for a source."""

    label: str
    revision: str | None
    architecture: str
    positions: int
    vocabulary_size: int
    stored: str
    bytes: int
    groups: tuple[Group, ...]
    needs: tuple[Need, ...]
    manifest: Manifest | None

    @property
    def values(self) -> int:
        return sum(group.values for group in self.groups)


def inspect(model: str, revision: str | None = None) -> Inspection:
    """Look at a model folder, or at a source as ``convert`` takes it. Raises ConvertError, ManifestError."""
    folder = Path(model)
    if (folder / MANIFEST_NAME).is_file():
        if revision is not None:
            raise ConvertError(f"--revision {revision} goes with a hub id; {model} is on this machine")
        return _folder(folder)
    source = open_source(model, revision)
    with closing(source.checkpoint):
        return _source(source)


def _folder(folder: Path) -> Inspection:
    manifest = read_manifest(folder)
    path = folder / "model.bin"
    found = variable_shapes(path)
    shapes = {name: shape for name, shape in found.items() if shape and not name.endswith("_scale")}
    weight_range = f", weights within ±{manifest.weight_range}" if manifest.weight_range else ""
    return Inspection(
        label=manifest.source,
        revision=manifest.revision,
        architecture=manifest.architecture,
        positions=manifest.positions,
        vocabulary_size=manifest.vocabulary_size,
        stored=manifest.quantization + weight_range,
        bytes=path.stat().st_size,
        groups=_groups(shapes),
        needs=tuple(_need(precision, shapes) for precision in PRECISIONS),
        manifest=manifest,
    )


def _source(source: Source) -> Inspection:
    plan, tensors = source.plan, source.checkpoint.tensors
    shapes = {
        path: (sum(part.shape[0] for part in parts), *parts[0].shape[1:])
        for path, parts in plan.weights.items()
    }
    names = {part.tensor for parts in plan.weights.values() for part in parts}
    types = sorted({tensors[name].dtype for name in names if name in tensors})
    return Inspection(
        label=source.label,
        revision=source.revision,
        architecture=plan.architecture,
        positions=plan.positions,
        vocabulary_size=plan.vocabulary_size,
        stored=f"{', '.join(types)} in {len(names):,} tensors",
        bytes=0,
        groups=_groups(shapes),
        needs=tuple(_need(precision, shapes) for precision in PRECISIONS),
        manifest=None,
    )


def _groups(shapes: Shapes) -> tuple[Group, ...]:
    counts: dict[tuple[str, tuple[int, ...]], int] = {}
    for name, shape in shapes.items():
        key = (_LAYER.sub("*", name), shape)
        counts[key] = counts.get(key, 0) + 1
    return tuple(Group(name, shape, count) for (name, shape), count in counts.items())


def _need(precision: str, shapes: Shapes) -> Need:
    kept = "int8_" * precision.startswith("int8_")
    cpu = _weight_bytes(kept + "float32", shapes)
    cached = 2 * CACHED_TOKENS * sum(s[1] for name, s in shapes.items() if _ATTENTION_OUTPUT.fullmatch(name))
    return Need(
        precision=precision,
        gpu=_weight_bytes(precision, shapes),
        cpu=cpu,
        cpu_loading=int(cpu * LOADING_SHARE),
        gpu_cache=cached * FLOAT_BYTES[precision.removeprefix("int8_")],
        cpu_cache=cached * FLOAT_BYTES["float32"],
    )


def _weight_bytes(precision: str, shapes: Shapes) -> int:
    """Matrices take a byte a value and a scale a row where they are quantized."""
    float_bytes, total = FLOAT_BYTES[precision.removeprefix("int8_")], 0
    for name, shape in shapes.items():
        quantized = precision.startswith("int8_") and len(shape) == 2 and name.endswith("/weight")
        total += math.prod(shape) * (1 if quantized else float_bytes) + SCALE_BYTES * shape[0] * quantized
    return total
