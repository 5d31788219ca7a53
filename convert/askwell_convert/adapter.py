"""A LoRA adapter of PEFT, merged into the source's rows as they are read.

The arithmetic is PEFT's ``merge_and_unload`` on a model in the source's own type: A and B become float32
whatever they are stored as, the delta scaling · (B @ A) is float32, and the sum with the weight is rounded
once, to the type that the weight is stored in. GGUF files, which hold numbers that training never saw in that
form, are merged in float32.
"""

import dataclasses
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from askwell_manifest import file_record

from .adapter_config import AdapterConfig, read_adapter_config
from .adapter_names import LoraPair, adaptable_parts, lora_pairs
from .checkpoint import Checkpoint, FloatRows, TensorInfo
from .errors import ConvertError
from .folder import check_links
from .gguf_checkpoint import GgufCheckpoint
from .plan import Part
from .safetensors_header import read_safetensors
from .source import Source, model_name
from .stock import TorchCheckpoint
from .stored import READABLE, StoredCheckpoint, StoredTensor
from .torch_zip import read_torch_zip

WEIGHTS = (("adapter_model.safetensors", read_safetensors), ("adapter_model.bin", read_torch_zip))
KEPT_DELTAS = 4  # the matrices that worker threads are reading now, and the next
# OpenBLAS's SMP_THRESHOLD_MIN · GEMM_MULTITHREAD_THRESHOLD: multiplications that it does in one thread.
UNSHARED_PRODUCT = 65536 * 4
PRODUCT_COLUMNS = 256

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LowRank:
    """What one tensor gains: ``left`` [rows, rank] @ ``right`` [rank, columns], in the source's layout."""

    left: FloatRows
    right: FloatRows
    scaling: float


@dataclass(frozen=True, slots=True)
class Merge:
    """How one tensor of the source is adapted; ``gguf`` rows are reordered by ``part.head_order``."""

    part: Part
    pair: LoraPair
    scaling: float
    gguf: bool


class AdaptedCheckpoint:
    """A checkpoint whose rows come with the adapter's delta added. Several threads may read at once."""

    def __init__(
        self, base: Checkpoint, adapter: Mapping[str, StoredTensor], merges: Mapping[str, Merge]
    ) -> None:
        self._base, self._adapter, self._merges = base, adapter, merges
        self._kept: dict[str, LowRank] = {}
        self._lock = threading.Lock()

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        return self._base.tensors

    def read_rows(self, name: str, start: int, out: FloatRows) -> None:
        self._base.read_rows(name, start, out)
        if name not in self._merges:
            return
        low_rank = self._low_rank(name)
        with np.errstate(all="ignore"):  # what is not finite is refused by name when it is quantized
            delta = product(low_rank.left[start : start + len(out)], low_rank.right)
            delta *= low_rank.scaling
            out += delta
            round_as(self.tensors[name].dtype, out)

    def close(self) -> None:
        self._base.close()

    def _low_rank(self, name: str) -> LowRank:
        with self._lock:
            if name not in self._kept:
                if len(self._kept) >= KEPT_DELTAS:
                    del self._kept[next(iter(self._kept))]
                self._kept[name] = self._read(self._merges[name])
            return self._kept[name]

    def _read(self, merge: Merge) -> LowRank:
        with closing(StoredCheckpoint(self._adapter)) as adapter:
            a, b = (_whole(adapter, name) for name in (merge.pair.a, merge.pair.b))
        if merge.gguf and (order := merge.part.head_order) is not None:
            # The order takes the file's rows to Hugging Face's, in which the delta is: here it goes back.
            b = b.reshape(-1, len(order), b.shape[1])[:, np.argsort(order)].reshape(b.shape)
        left, right = (np.ascontiguousarray(a.T), b.T) if merge.part.transposed else (b, a)
        return LowRank(left, right, merge.scaling)


def adapted(source: Source, folder: Path) -> Source:
    """``source`` with the adapter in ``folder`` merged into what its checkpoint reads.

    Nothing but headers is read here. Raises ConvertError for all but plain LoRA on linear layers that the
    source has, in their shapes; an adapter that was trained on a model of another name is only warned about.
    """
    if isinstance(source.checkpoint, TorchCheckpoint):
        raise ConvertError(
            f"{source.label} is read by ctranslate2's own converter, which knows no adapters; "
            "merge it with PEFT's merge_and_unload and convert what that saves"
        )
    if folder.is_dir():
        check_links(folder)
    config = read_adapter_config(folder)
    adapter = _stored_tensors(folder)
    merges = _merges(source, adapter, config)
    if config.base_model and model_name(config.base_model) != model_name(source.label):
        log.warning("the adapter was trained on %r; it is merged into %r", config.base_model, source.label)
    return dataclasses.replace(source, checkpoint=AdaptedCheckpoint(source.checkpoint, adapter, merges))


def product(left: FloatRows, right: FloatRows) -> FloatRows:
    """``left`` @ ``right`` by the calling thread alone.

    OpenBLAS shares larger products out to threads of its own, for which those that convert wait in turn:
    measured on 2 cores, two of them took 2 to 7 times as long as with products of this size.
    """
    out = np.empty((len(left), right.shape[1]), np.float32)
    rows = max(1, UNSHARED_PRODUCT // (PRODUCT_COLUMNS * len(right)))
    for top in range(0, len(left), rows):
        for side in range(0, right.shape[1], PRODUCT_COLUMNS):
            columns = slice(side, side + PRODUCT_COLUMNS)
            np.matmul(left[top : top + rows], right[:, columns], out=out[top : top + rows, columns])
    return out


def round_as(dtype: str, rows: FloatRows) -> None:
    """Round ``rows`` in place to the nearest values of float16 or bfloat16, ties to even; others stay."""
    if dtype == "float16":
        np.copyto(rows, rows.astype(np.float16))
    elif dtype == "bfloat16":
        bits = rows.view(np.uint32)
        lost = np.isnan(rows)
        bits += np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
        bits &= np.uint32(0xFFFF0000)
        rows[lost] = np.nan  # the addition may have carried into its sign


def _whole(adapter: StoredCheckpoint, name: str) -> FloatRows:
    matrix = np.empty(adapter.tensors[name].shape, np.float32)
    adapter.read_rows(name, 0, matrix)
    if not np.isfinite(matrix).all():
        raise ConvertError(f"the adapter's tensor {name} holds NaN or an infinity; train or fetch it again")
    return matrix


def _stored_tensors(folder: Path) -> dict[str, StoredTensor]:
    path, read = _weights(folder)
    try:
        return read(path)
    except OSError as error:
        raise ConvertError(f"cannot read the adapter in {folder}: {error}") from None


def _weights(folder: Path) -> tuple[Path, Callable[[Path], dict[str, StoredTensor]]]:
    """The file that holds an adapter's weights, and what reads it."""
    for name, read in WEIGHTS:
        if (folder / name).is_file():
            return folder / name, read
    raise ConvertError(f"{folder} has no weights: none of {', '.join(name for name, _ in WEIGHTS)}")


def weights_sha256(folder: Path) -> str:
    """Of the file that holds an adapter's weights: tells two adapters of one name apart."""
    return file_record(_weights(folder)[0]).sha256


def _merges(source: Source, adapter: Mapping[str, StoredTensor], config: AdapterConfig) -> dict[str, Merge]:
    parts, pairs = adaptable_parts(source.plan), lora_pairs(adapter)
    if not pairs:
        raise ConvertError("the adapter holds no LoRA weights")
    if missing := [module for module in parts if config.adapts(module) and module not in pairs]:
        raise ConvertError(f"the adapter lacks the weights of {missing[0]}, which its target_modules name")
    gguf = isinstance(source.checkpoint, GgufCheckpoint)
    merges: dict[str, Merge] = {}
    for module, pair in pairs.items():
        if module not in parts:
            raise ConvertError(_no_such_module(module, source))
        if config.adapts(module) is False:
            raise ConvertError(f"the adapter holds weights of {module}, which its target_modules do not name")
        _check_shapes(module, pair, parts[module], adapter, config)
        merges[parts[module].tensor] = Merge(parts[module], pair, config.scaling_of(module), gguf)
    return merges


def _no_such_module(module: str, source: Source) -> str:
    if module in ("lm_head", "embed_out") and source.plan.aliases:
        return f"the adapter changes {module}, which in {source.label} is the embedding; it cannot be merged"
    return f"the adapter changes {module}, which the {source.plan.architecture} model {source.label} lacks"


def _check_shapes(
    module: str, pair: LoraPair, part: Part, adapter: Mapping[str, StoredTensor], config: AdapterConfig
) -> None:
    outputs, inputs = part.source_shape[::-1] if part.transposed else part.source_shape
    rank = config.rank_of(module)
    for name, shape in ((pair.a, (rank, inputs)), (pair.b, (outputs, rank))):
        info = adapter[name]
        if info.shape != shape:
            raise ConvertError(
                f"the adapter's tensor {name} has shape {list(info.shape)}; its rank and the source's "
                f"{part.tensor} want {list(shape)}"
            )
        if info.dtype not in READABLE:
            raise ConvertError(
                f"the adapter's tensor {name} is stored as {info.dtype}, which this converter does not read"
            )
