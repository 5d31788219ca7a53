"""The one file that runs ctranslate2 generation. Imported by the engine process alone.

Every row of section 0 of the engine's facts (inputs that crash it) is kept out here or before: prompts are
made from ids that are in the vocabulary, one-token rows never share a batch with longer ones, beams never
meet a small top-k, the callback never raises, and nothing that a client sends is cached.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import ctranslate2
from askwell_manifest import SAFE_WEIGHT_RANGE, ManifestError, int8_saturates, read_manifest

from .certificate import check_certificate
from .cpu import physical_cores
from .folder import ModelRefused, end_ids_of, read_vocabulary
from .layout import Layout, layouts, layouts_on_gpu
from .memory import free_bytes
from .messages import Batch, BatchRow, Load
from .row import Options
from .warm import OnToken, Shape, rehearse

_GPU_TOP_K = 256  # top-p on a GPU needs a top-k; 0 passes validation and fails at run time
_LOG_ERRORS_ONLY = 40
_FIRST = Shape(rows=2, length=12, prefix=4, steps=2)  # to be warm: 0.7 s with GPT-J on two cores
_TRIAL = Shape(rows=4, length=72, prefix=64, steps=6)  # like real batches: a shared prefix, short tails
_TRIAL_LIMIT_S = 1.5
_TRIAL_TURNS = 2
_WORTH_IT = 1.05  # a batch alone is sooner done with all threads, so more lanes must gain something
# A second generator takes as much as its weights and a third more; a CPU's are packed into another copy.
_SECOND_SHARE, _PACKING_SHARE = 1.3, 1.0


@dataclass(frozen=True, slots=True)
class BackendFacts:
    """``ordinary_ids`` are the tokens that do not end a text: what made-up prompts are made of."""

    device: str
    compute_type: str
    layout: Layout
    positions: int
    end_ids: tuple[int, ...]
    ordinary_ids: tuple[int, ...]


class Backend(Protocol):
    """Runs batches, one per lane at the same time."""

    facts: BackendFacts

    def generate(self, batch: Batch, on_token: OnToken) -> list[list[int]] | None:
        """Run a batch to its end. Each lane has a thread that calls this.

        Tokens go to ``on_token`` as they come, on a thread of the engine's. With beams there is nothing to
        stream: the rows' tokens are returned instead, end token left out.
        """


class CTranslate2Backend:
    """A loaded and warm ``ctranslate2.Generator``, to be closed once no lane uses it::

    with closing(CTranslate2Backend(load)) as backend:
        backend.generate(batch, on_token)
    """

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
        if load.thresholds is not None:
            check_certificate(load.model_dir, manifest, load.thresholds, device, None)
        self._device, self._end_ids = device, end_ids_of(manifest, self._vocabulary)
        self._ordinary_ids = tuple(i for i in range(len(self._vocabulary)) if i not in self._end_ids)
        _check_prefixes(load.prefixes, manifest.positions)
        self._registered = frozenset(load.prefixes)
        layout = self._load(load, compute_type)
        if load.thresholds is not None:
            computed = self._generator.compute_type
            check_certificate(load.model_dir, manifest, load.thresholds, device, computed)
        for prefix in load.prefixes:
            self._keep(prefix)
        return_freed_memory()
        self.facts = BackendFacts(
            device=device,
            compute_type=self._generator.compute_type,
            layout=layout,
            positions=manifest.positions,
            end_ids=self._end_ids,
            ordinary_ids=self._ordinary_ids,
        )

    def _load(self, load: Load, compute_type: str) -> Layout:
        """Load and warm up, where the layout is left open in the one that does most.

        A step of a small model is thousands of short parallel loops, and where waking a thread is dear (some
        virtual machines) all cores on one batch are slower than one core: 34 against 12 ms a step for
        SmolLM2-135M on two virtual cores. As many batches side by side then do twice as much. So when a trial
        with all cores is short, lanes are added for as long as that gains. A GPU idles while a batch's
        callback runs: there one lane is tried against two.
        """
        if on_cpu := self._device == "cpu":
            layout, *others = layouts(physical_cores(), load.intra_threads, load.inter_threads)
        else:
            layout, *others = layouts_on_gpu(load.intra_threads, load.inter_threads)
        self._generator = _generator(load.model_dir, self._device, compute_type, layout)
        if not others:
            self._seconds(_FIRST, layout)
            return layout
        if not on_cpu:
            self._seconds(_TRIAL, layout)  # compiles kernels
        if self._seconds(_TRIAL, layout) < _TRIAL_LIMIT_S:
            for other in others:
                if not self._has_room(load.model_dir) or not self._gains(load, compute_type, layout, other):
                    break
                layout = other
        return layout

    def _has_room(self, model_dir: Path) -> bool:
        """Whether a second generator fits in beside the first; where that is unknown, loading will tell."""
        return_freed_memory()
        free = free_bytes(self._device)
        share = _SECOND_SHARE + (_PACKING_SHARE if self._device == "cpu" else 0)
        return free is None or free >= share * (model_dir / "model.bin").stat().st_size

    def _gains(self, load: Load, compute_type: str, layout: Layout, other: Layout) -> bool:
        """Keep a generator of the other layout if it does more, and the first one if anything goes wrong.

        They take turns: one disturbed moment must not decide.
        """
        first = self._generator
        best = [0.0, 0.0]  # batches a second
        try:
            second = _generator(load.model_dir, self._device, compute_type, other)
            contenders = [(first, layout), (second, other)]
            for _ in range(_TRIAL_TURNS):
                for i, (self._generator, each) in enumerate(contenders):
                    best[i] = max(best[i], each.lanes / self._seconds(_TRIAL, each))
        except (ModelRefused, RuntimeError, MemoryError):
            self._generator = first
            return False
        gains = best[1] > _WORTH_IT * best[0]
        self._generator = contenders[gains][0]
        return gains

    def _seconds(self, shape: Shape, layout: Layout) -> float:
        """Seconds of a batch of this shape on every lane at once."""
        ends_s = rehearse(self.generate, shape.batch(self._ordinary_ids), layout.lanes)
        return max(lane[-1] for lane in ends_s)

    def _keep(self, prefix: tuple[int, ...]) -> None:
        """Compute a registered prefix now. All lanes share it, and no two may be the first to ask for it."""
        row = BatchRow(self._ordinary_ids[:2], max_new_tokens=1)
        batch = Batch(0, prefix, (row,), Options(temperature=0.0), cached=True)
        self.generate(batch, lambda step, index, token_id, logprob: False)

    def close(self) -> None:
        """Destroy the generator here and now. One that has run callbacks and is still there when the process
        exits may abort it, and so does one that is destroyed by a thread of its own."""
        del self._generator

    def generate(self, batch: Batch, on_token: OnToken) -> list[list[int]] | None:
        options, beams = batch.options, batch.options.num_beams
        lengths = {len(row.tail) for row in batch.rows}
        if min(lengths) < 2 and (len(lengths) > 1 or batch.prefix):
            raise ValueError("a row has fewer than two tokens after the prefix")
        if batch.cached and batch.prefix not in self._registered:
            raise ValueError("the prefix to be kept is none that the operator registered")

        def callback(result: Any) -> bool:  # holds nothing that holds the generator: see close
            return on_token(result.step, result.batch_id, result.token_id, result.log_prob)

        results = self._generator.generate_batch(
            [self._strings(row.tail) for row in batch.rows],
            static_prompt=self._strings(batch.prefix) or None,
            cache_static_prompt=batch.cached,
            include_prompt_in_result=False,
            max_length=max(row.max_new_tokens for row in batch.rows),
            min_length=batch.min_new_tokens,
            end_token=list(self._end_ids),
            suppress_sequences=[self._strings(run) for run in options.suppressed] or None,
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
        if top_k == 0 and options.top_p < 1 and self._device != "cpu":
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


def _generator(model_dir: Path, device: str, compute_type: str, layout: Layout) -> Any:
    kind, _, index = device.partition(":")
    try:
        return ctranslate2.Generator(
            str(model_dir),
            device=kind,
            device_index=int(index or 0),
            compute_type=compute_type,
            inter_threads=layout.lanes,
            intra_threads=layout.threads,
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


def _check_prefixes(prefixes: Sequence[Sequence[int]], positions: int) -> None:
    """A row has at least two tokens of its own."""
    longest = max(map(len, prefixes), default=0)
    if longest > positions - 2:
        raise ModelRefused(
            f"a registered prefix has {longest} tokens and the model takes at most {positions - 2}; "
            "shorten it"
        )


def _check_range(weight_range: int) -> None:
    if weight_range > SAFE_WEIGHT_RANGE and int8_saturates():
        raise ModelRefused(
            f"int8 weights of range {weight_range} saturate on this CPU (no VNNI in use) and ruin the text; "
            f"convert the model for weight range {SAFE_WEIGHT_RANGE} (the converter's default), "
            "or serve it with --compute-type float32, or as it is with --allow-full-range"
        )
