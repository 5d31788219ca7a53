"""ctranslate2 on the device, as a worker: the batches that the GPU stages time.

Greedy unless said otherwise, random prompts of equal length, all rows of one length. A step is the time
between the first callbacks of two steps, callbacks included, as the server's engine process has them too:
ctranslate2 fetches the tokens of every step, so the host's clock is right without a further
synchronisation.
"""

import json
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from askwell_manifest import read_manifest

from ..generator import load_generator
from ..load.workload import Vocabulary
from .gpu_card import memory_used_mib
from .gpu_pool import keep_memory
from .gpu_worker import serve

_WARM_STEPS = 2  # left out of the median: memory for the batch is still being fetched


class Engine:
    """A loaded generator. ``memory_mib`` is its own on a card that others use too, or None on a CPU."""

    def __init__(self, model: str, device: str, compute_type: str, threads: int) -> None:
        folder = Path(model)
        manifest = read_manifest(folder)
        self._device = device
        before_mib = _used_mib(self._device)
        start = time.perf_counter()
        self._generator = load_generator(folder, device, compute_type=compute_type, intra_threads=threads)
        self._load_s = time.perf_counter() - start
        self._loaded_mib = _grown(before_mib, _used_mib(self._device))
        self._spellings: list[str] = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        self._vocabulary = Vocabulary(manifest.vocabulary_size, manifest.positions)
        self._random = np.random.default_rng(0)

    def facts(self) -> dict[str, Any]:
        return {
            "load_s": self._load_s,
            "compute_type": self._generator.compute_type,
            "memory_mib": self._loaded_mib,
        }

    def check(self, tokens: int = 16) -> dict[str, Any]:
        """Raises ValueError when the model computes no finite numbers: then its speed means nothing.

        On a GPU it may also read beyond its tables, for the likeliest of no numbers can be any.
        """
        import ctranslate2

        scores = self._generator.forward_batch([self._prompt(tokens)], return_log_probs=True)
        values = np.array(scores.to_device(ctranslate2.Device.cpu))
        if not np.isfinite(values).all():
            raise ValueError(f"{self._generator.compute_type} computes no finite numbers on this device")
        return {"largest": float(values.max())}

    def decode(
        self, rows: int, prompt_tokens: int, new_tokens: int, top_k: int = 1, top_p: float = 1.0
    ) -> dict[str, Any]:
        """One batch with a callback: milliseconds to the first token, of the median step, and in all."""
        stamps: list[float] = []

        def note(result: Any) -> bool:
            if result.step == len(stamps):
                stamps.append(time.perf_counter())
            return False

        start = time.perf_counter()
        self._generate(rows, prompt_tokens, new_tokens, callback=note, **_sampling(top_k, top_p))
        total_ms = (time.perf_counter() - start) * 1e3
        gaps = [after - before for before, after in pairwise(stamps)]
        first_ms = (stamps[0] - start) * 1e3
        return {"first_ms": first_ms, "step_ms": median(gaps[_WARM_STEPS:]) * 1e3, "total_ms": total_ms}

    def prefill(self, prompt_tokens: int) -> dict[str, Any]:
        """Milliseconds from a prompt to its first token."""
        start = time.perf_counter()
        self._generate(1, prompt_tokens, 1, **_sampling(1, 1.0))
        return {"first_ms": (time.perf_counter() - start) * 1e3}

    def peak(self, rows: int, prompt_tokens: int, new_tokens: int) -> dict[str, Any]:
        """The engine's memory at the last step of a batch; not for timing, for looking takes long.

        It is what loading took and what the batch adds to the whole card: other engines hold memory there
        too. What an allocator kept of earlier batches is in neither.
        """
        device = self._device  # not self: a callback that outlives the call must not hold the generator
        before_mib = _used_mib(device)
        seen: list[int | None] = []

        def note(result: Any) -> bool:
            if result.step == new_tokens - 1 and not seen:
                seen.append(_used_mib(device))
            return False

        self._generate(rows, prompt_tokens, new_tokens, callback=note, **_sampling(1, 1.0))
        added_mib = _grown(before_mib, seen[0] if seen else None)
        if self._loaded_mib is None or added_mib is None:
            return {"memory_mib": None}
        return {"memory_mib": self._loaded_mib + added_mib}

    def batch(self, rows: int, prompt_tokens: int, new_tokens: int, beams: int = 1) -> dict[str, Any]:
        """Seconds of one batch without callbacks, greedy or by beam search."""
        options = {"beam_size": beams} if beams > 1 else _sampling(1, 1.0)
        start = time.perf_counter()
        self._generate(rows, prompt_tokens, new_tokens, **options)
        return {"seconds": time.perf_counter() - start}

    def question_sets(
        self, sets: int, samples: int, prompt_tokens: int, tail_tokens: int, new_tokens: int, way: str
    ) -> dict[str, Any]:
        """Seconds for ``sets`` prompts with ``samples`` samples each.

        ``way``: "prefix": set after set, each one batch whose rows share all but their last tokens as a
        static prefix, as the server does it; "together": one batch of all sets, each prompt prefilled once
        and its samples drawn from it.
        """
        sampling = _sampling(50, 0.95)
        start = time.perf_counter()
        if way == "together":
            self._generate(sets, prompt_tokens, new_tokens, num_hypotheses=samples, **sampling)
        else:
            for _ in range(sets):
                prefix = self._prompt(prompt_tokens - tail_tokens)
                self._generate(
                    samples, tail_tokens, new_tokens,
                    static_prompt=prefix, cache_static_prompt=False, **sampling,
                )  # fmt: skip
        return {"seconds": time.perf_counter() - start}

    def keep_memory(self) -> dict[str, Any]:
        """Let the driver's memory pool keep what is freed. Raises RuntimeError where it cannot."""
        return keep_memory()

    def _generate(self, rows: int, prompt_tokens: int, new_tokens: int, **options: Any) -> None:
        """Raises RuntimeError when a row is shorter than asked for: unequal work cannot be compared."""
        results = self._generator.generate_batch(
            [self._prompt(prompt_tokens) for _ in range(rows)],
            max_length=new_tokens,
            min_length=new_tokens,
            include_prompt_in_result=False,
            **options,
        )
        made = {len(ids) for result in results for ids in result.sequences_ids}
        if made != {new_tokens}:
            raise RuntimeError(f"rows of {sorted(made)} tokens were written instead of {new_tokens}")

    def _prompt(self, length: int) -> list[str]:
        return [self._spellings[i] for i in self._vocabulary.prompt(self._random, length)]


def _used_mib(device: str) -> int | None:
    return memory_used_mib() if device == "cuda" else None


def _grown(before_mib: int | None, after_mib: int | None) -> int | None:
    return None if before_mib is None or after_mib is None else after_mib - before_mib


def _sampling(top_k: int, top_p: float) -> dict[str, Any]:
    """Top-p on a GPU needs a top-k: ctranslate2 accepts the lack of one and fails later."""
    if top_p < 1 and top_k == 0:
        raise ValueError("top-p needs a top-k from 1 to 8192 on a GPU")
    return {"sampling_topk": top_k, "sampling_topp": top_p}


if __name__ == "__main__":
    serve(Engine)
