"""ctranslate2 as the converter runs it: to look at what it has made, never to serve."""

import logging
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import ctranslate2
import numpy as np
from askwell_manifest import Manifest, int8_saturates

from .checkpoint import FloatRows
from .errors import ConvertError

Device = Literal["cpu", "cuda"]
# What users set to make ctranslate2 and its back ends compute as on another CPU.
# fmt: off
CAPS = (
    "CT2_USE_MKL", "CT2_FORCE_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA",
)
# fmt: on
BATCH_VALUES = 1 << 26  # logits of one call: 256 MB

_told: list[str] = []  # ctranslate2 tells of its back ends once, when a process loads its first model


class Generator:
    """A loaded model folder.

    ``instruction_set`` says, from ctranslate2's own log, which back end multiplies its matrices.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, device: Device, compute_type: str | None = None
    ) -> None:
        """Computes as the server does when it is left to choose, or in ``compute_type``. Raises ConvertError
        when ctranslate2 cannot load it."""
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        compute_type = compute_type or _served_type(manifest, device)
        try:
            with _engine_log():
                self._generator = ctranslate2.Generator(
                    str(folder), device=device, compute_type=compute_type, intra_threads=threads
                )
        except (RuntimeError, ValueError) as error:
            line = " ".join(str(error).split())
            raise ConvertError(f"cannot load {folder} on {device} as {compute_type}: {line}") from None
        self._vocabulary_size = manifest.vocabulary_size
        self.device = device
        self.compute_type: str = self._generator.compute_type
        self.instruction_set = _instruction_set(device, self.compute_type)

    def logits(self, windows: Iterable[Sequence[int]], window: int) -> Iterator[FloatRows]:
        """Logits of what follows each token: [tokens, vocabulary] for each of ``windows``, in order.

        As many windows of at most ``window`` tokens are computed at a time as bounded memory allows.
        """
        at_once = max(1, BATCH_VALUES // (window * self._vocabulary_size))
        waiting = list(windows)
        for start in range(0, len(waiting), at_once):
            yield from self._batch(waiting[start : start + at_once])

    def _batch(self, windows: Sequence[Sequence[int]]) -> Iterator[FloatRows]:
        batch = [list(window) for window in windows]
        scores = self._generator.forward_batch(batch).to_device(ctranslate2.Device.cpu)
        found = np.asarray(scores, np.float32)  # a view of ctranslate2's own memory where that is float32
        for row, ids in enumerate(windows):
            yield found[row, : len(ids), : self._vocabulary_size]

    def continue_text(self, tokens: Sequence[str], count: int) -> tuple[list[int], float]:
        """The likeliest ``count`` tokens after ``tokens``, and their mean log-probability."""
        (result,) = self._generator.generate_batch(
            [list(tokens)], max_length=count, min_length=count, sampling_topk=1,
            include_prompt_in_result=False, return_scores=True,
        )  # fmt: skip
        return result.sequences_ids[0], float(result.scores[0])


def token_states(folder: Path, manifest: Manifest, texts: Sequence[Sequence[str]]) -> FloatRows:
    """An encoder's states for texts of tokens, [texts, tokens, width].

    Raises ConvertError when ctranslate2 cannot load the folder.
    """
    try:
        encoder = ctranslate2.Encoder(
            str(folder), compute_type=_served_type(manifest, "cpu"), intra_threads=1
        )
    except (RuntimeError, ValueError) as error:
        raise ConvertError(f"cannot load {folder} on cpu: {' '.join(str(error).split())}") from None
    return np.array(encoder.forward_batch([list(tokens) for tokens in texts]).last_hidden_state)


def _served_type(manifest: Manifest, device: Device) -> str:
    kept = "int8_" * manifest.quantization.startswith("int8")
    return kept + ("float32" if device == "cpu" else "float16")


@contextmanager
def _engine_log() -> Iterator[None]:
    """Catch what ctranslate2 says while a model is loaded. It writes to the file descriptor itself."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        ctranslate2.set_log_level(logging.INFO)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            ctranslate2.set_log_level(logging.ERROR)
            file.seek(0)
            _told.append(file.read().decode(errors="replace"))


def _instruction_set(device: Device, compute_type: str) -> str:
    """In words: what multiplies matrices, and what was set to make that another than this CPU's own."""
    log = "\n".join(_told)
    if device == "cuda":
        return _found(r"GPU #\d+: ([^\n]+)", log)
    if compute_type.startswith("int8"):
        library = _found(r"GEMM_S8 backend: (\w+)", log)
        x86 = platform.machine().lower() in ("x86_64", "amd64")
        products = f"{library} {'without' if int8_saturates() else 'with'} VNNI" if x86 else library
    else:
        products = _found(r"SGEMM backend: (\w+)", log)
    kernels = "kernels " + _found(r"Selected ISA: (\w+)", log)
    return ", ".join(
        [products, kernels, *(f"{name}={os.environ[name]}" for name in CAPS if name in os.environ)]
    )


def _found(pattern: str, log: str) -> str:
    match = re.search(pattern, log)
    return match[1] if match else "unknown"
