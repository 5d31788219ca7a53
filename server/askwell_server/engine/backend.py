"""The one file that runs ctranslate2 generation. Imported by the engine process alone.

Every row of section 0 of the engine's facts (inputs that crash it) is kept out here or before: prompts are
made from ids that are in the vocabulary, one-token rows never share a batch with longer ones, beams never
meet a small top-k, the callback never raises, and nothing that a client sends is cached.
"""

import ctypes
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import ctranslate2
from askwell_manifest import ManifestError, read_manifest

from .cpu import SAFE_WEIGHT_RANGE, int8_saturates, physical_cores
from .folder import ModelRefused, end_ids_of, read_vocabulary
from .messages import Batch, BatchRow, Load
from .row import Options

# (step, index, token_id, logprob) → whether the row is to end with this token.
OnToken = Callable[[int, int, int, float | None], bool]

_GPU_TOP_K = 256  # top-p on a GPU needs a top-k; 0 passes validation and fails at run time
_LOG_ERRORS_ONLY = 40
_TRIAL_LIMIT_S = 1.5
_TRIAL_TURNS = 2


@dataclass(frozen=True, slots=True)
class BackendFacts:
    device: str
    compute_type: str
    threads: int
    end_ids: tuple[int, ...]


class Backend(Protocol):
    """Runs batches, one at a time."""

    facts: BackendFacts

    def generate(self, batch: Batch, on_token: OnToken) -> list[list[int]] | None:
        """Run a batch to its end.

        Tokens go to ``on_token`` as they come. With beams there is nothing to stream: the rows' tokens are
        returned instead, end token left out.
        """


class CTranslate2Backend:
    """A loaded and warm ``ctranslate2.Generator``."""

    def __init__(self, load: Load) -> None:
        """Raises ModelRefused with one line when the model cannot be loaded or would be ruined."""
        ctranslate2.set_log_level(_LOG_ERRORS_ONLY)
        try:
            manifest = read_manifest(load.model_dir)
        except ManifestError as error:
            raise ModelRefused(str(error)) from None
        self._vocabulary = read_vocabulary(load.model_dir, manifest)
        device = _device(load.device)
        quantized = manifest.quantization.startswith("int8")
        compute_type = compute_type_for(load.compute_type, device, quantized)
        computes_int8 = compute_type.startswith("int8") or (compute_type == "default" and quantized)
        if device == "cpu" and computes_int8 and not load.full_range_ok:
            _check_range(manifest.weight_range if quantized else 127)
        end_ids = end_ids_of(manifest, self._vocabulary)
        self.facts = BackendFacts(device, compute_type, load.intra_threads, end_ids)
        self._load(load, device, compute_type)

    def _load(self, load: Load, device: str, compute_type: str) -> None:
        """Load and warm up; on a CPU whose threads are left open, with as many as decode fastest.

        A step of a small model is thousands of short parallel loops, and where waking a thread is dear (some
        virtual machines) all cores are slower than one: 34 against 12 ms a step for SmolLM2-135M on two
        virtual cores. So when a trial with all cores is short, one thread is tried as well.
        """
        threads = load.intra_threads or (physical_cores() if device == "cpu" else 1)
        self._generator = _generator(load.model_dir, device, compute_type, threads)
        trial_s = self._trial()
        if device == "cpu" and load.intra_threads == 0 and threads > 1 and trial_s < _TRIAL_LIMIT_S:
            threads = self._fewer_or_all(load, device, compute_type, threads)
        return_freed_memory()
        self.facts = BackendFacts(device, self._generator.compute_type, threads, self.facts.end_ids)

    def _fewer_or_all(self, load: Load, device: str, compute_type: str, threads: int) -> int:
        """Keep the faster of one thread and all. They take turns: one disturbed moment must not decide."""
        candidates = {threads: self._generator, 1: _generator(load.model_dir, device, compute_type, 1)}
        best_s = dict.fromkeys(candidates, math.inf)
        for _ in range(_TRIAL_TURNS):
            for count, self._generator in candidates.items():
                best_s[count] = min(best_s[count], self._trial())
        fastest = min(candidates, key=best_s.__getitem__)
        self._generator = candidates[fastest]
        return fastest

    def _trial(self) -> float:
        """Seconds of a small batch shaped like real ones: a shared prefix, short tails, some steps."""
        ordinary = [i for i in range(len(self._vocabulary)) if i not in self.facts.end_ids]
        prefix = tuple((ordinary * 64)[:64])
        row = BatchRow(tail=tuple((ordinary * 8)[:8]), max_new_tokens=6)
        batch = Batch(0, prefix, (row,) * 4, Options(temperature=0.0, min_new_tokens=6))
        start = time.perf_counter()
        self.generate(batch, lambda step, index, token_id, logprob: False)
        return time.perf_counter() - start

    def generate(self, batch: Batch, on_token: OnToken) -> list[list[int]] | None:
        options, beams = batch.options, batch.options.num_beams
        lengths = {len(row.tail) for row in batch.rows}
        if min(lengths) < 2 and (len(lengths) > 1 or batch.prefix):
            raise ValueError("a row has fewer than two tokens after the prefix")

        def callback(result: Any) -> bool:
            return on_token(result.step, result.batch_id, result.token_id, result.log_prob)

        results = self._generator.generate_batch(
            [self._strings(row.tail) for row in batch.rows],
            static_prompt=self._strings(batch.prefix) or None,
            cache_static_prompt=False,
            include_prompt_in_result=False,
            max_length=max(row.max_new_tokens for row in batch.rows),
            min_length=options.min_new_tokens,
            end_token=list(self.facts.end_ids),
            repetition_penalty=options.repetition_penalty,
            no_repeat_ngram_size=options.no_repeat_ngram_size,
            beam_size=beams,
            return_scores=options.logprobs,
            callback=callback if beams == 1 else None,
            **self._sampling(options),
        )
        return None if beams == 1 else [result.sequences_ids[0] for result in results]

    def _sampling(self, options: Options) -> dict[str, float]:
        if options.greedy:
            return {"sampling_topk": 1}
        top_k = min(options.top_k, len(self._vocabulary))
        if top_k == 0 and options.top_p < 1 and self.facts.device != "cpu":
            top_k = min(_GPU_TOP_K, len(self._vocabulary))
        if options.num_beams > 1 and 0 < top_k < 2 * options.num_beams:
            raise ValueError("beams with a top-k below twice their number")
        return {
            "sampling_topk": top_k,
            "sampling_topp": options.top_p,
            "sampling_temperature": options.temperature,
        }

    def _strings(self, ids: Sequence[int]) -> list[str]:
        return [self._vocabulary[i] for i in ids]


def _generator(model_dir: Path, device: str, compute_type: str, threads: int) -> Any:
    kind, _, index = device.partition(":")
    try:
        return ctranslate2.Generator(
            str(model_dir),
            device=kind,
            device_index=int(index or 0),
            compute_type=compute_type,
            intra_threads=threads,
        )
    except (RuntimeError, ValueError) as error:
        line = " ".join(str(error).split())
        raise ModelRefused(f"cannot load {model_dir} on {device} as {compute_type}: {line}") from None


def return_freed_memory() -> None:
    """Give the system what loading used and freed; the malloc settings of this process would keep it.

    Packing the weights needs a second copy for a while: a 6.1 GB GPT-J stayed at 11.7 GB instead of 6.0.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
    if trim is not None:
        trim(0)


def _device(asked: str) -> str:
    if asked == "auto":
        return "cuda:0" if ctranslate2.get_cuda_device_count() > 0 else "cpu"
    return "cuda:0" if asked == "cuda" else asked


def compute_type_for(asked: str, device: str, quantized: bool) -> str:
    if asked != "auto":
        return asked
    if device == "cpu":
        return "int8_float32" if quantized else "float32"
    return "int8_float16" if quantized else "float16"


def _check_range(weight_range: int) -> None:
    if weight_range > SAFE_WEIGHT_RANGE and int8_saturates():
        raise ModelRefused(
            f"int8 weights of range {weight_range} saturate on this CPU (no VNNI in use) and ruin the text; "
            f"convert the model for weight range {SAFE_WEIGHT_RANGE} (the converter's default), "
            "or serve it with --compute-type float32, or as it is with --allow-full-range"
        )
