"""transformers in float16 on the same GPU, as a worker: ``generate`` as people call it.

It answers the same questions as gpu_engine does. A step is timed where generate asks whether to stop, with
the device synchronised.
"""

import importlib
import time
from itertools import pairwise
from statistics import median
from typing import Any

from .gpu_worker import serve

_WARM_STEPS = 2


class Transformers:
    """A checkpoint, loaded by AutoModelForCausalLM."""

    def __init__(self, checkpoint: str, device: str) -> None:
        self._torch: Any = importlib.import_module("torch")
        self._transformers: Any = importlib.import_module("transformers")
        self._device = device
        kind = self._torch.float16 if device == "cuda" else self._torch.float32
        start = time.perf_counter()
        model = self._transformers.AutoModelForCausalLM.from_pretrained(checkpoint, dtype=kind)
        self._model = model.to(device).eval()
        self._wait()
        self._load_s = time.perf_counter() - start
        self._torch.manual_seed(0)

    def facts(self) -> dict[str, Any]:
        versions = {"torch": self._torch.__version__, "transformers": self._transformers.__version__}
        return {"load_s": self._load_s, "versions": versions, "memory_mib": self._memory_mib()}

    def check(self) -> dict[str, Any]:
        """Raises ValueError when the model computes no finite numbers."""
        with self._torch.inference_mode():
            logits = self._model(self._prompts(1, 16)).logits
        if not bool(self._torch.isfinite(logits).all()):
            raise ValueError("transformers computes no finite numbers on this device")
        return {"largest": float(logits.max())}

    def decode(self, rows: int, prompt_tokens: int, new_tokens: int) -> dict[str, Any]:
        """One batch: milliseconds to the first token, of the median step, and in all."""
        stamps: list[float] = []
        start = self._generate(rows, prompt_tokens, new_tokens, stamps)
        total_ms = (time.perf_counter() - start) * 1e3
        gaps = [after - before for before, after in pairwise(stamps)]
        first_ms = (stamps[0] - start) * 1e3
        return {"first_ms": first_ms, "step_ms": median(gaps[_WARM_STEPS:]) * 1e3, "total_ms": total_ms}

    def prefill(self, prompt_tokens: int) -> dict[str, Any]:
        """Milliseconds from a prompt to its first token."""
        stamps: list[float] = []
        start = self._generate(1, prompt_tokens, 1, stamps)
        return {"first_ms": (stamps[0] - start) * 1e3}

    def _generate(self, rows: int, prompt_tokens: int, new_tokens: int, stamps: list[float]) -> float:
        """When it started. Raises RuntimeError when the rows are shorter than asked for."""
        prompts = self._prompts(rows, prompt_tokens)
        criteria: Any = self._transformers.StoppingCriteriaList([self._stamp(stamps)])
        self._wait()
        start = time.perf_counter()
        with self._torch.inference_mode():
            made = self._model.generate(
                prompts,
                attention_mask=self._torch.ones_like(prompts),
                do_sample=False,
                max_new_tokens=new_tokens,
                min_new_tokens=new_tokens,
                stopping_criteria=criteria,
                pad_token_id=0,
            )
        self._wait()
        if made.shape[1] != prompt_tokens + new_tokens:
            raise RuntimeError(f"{made.shape[1] - prompt_tokens} tokens were written instead of {new_tokens}")
        return start

    def _stamp(self, stamps: list[float]) -> Any:
        def note(input_ids: Any, scores: Any, **_: Any) -> Any:
            self._wait()
            stamps.append(time.perf_counter())
            return self._torch.zeros(input_ids.shape[0], dtype=self._torch.bool, device=input_ids.device)

        return note

    def _prompts(self, rows: int, length: int) -> Any:
        size = self._model.config.vocab_size
        return self._torch.randint(size // 8, size * 7 // 8, (rows, length), device=self._device)

    def _memory_mib(self) -> int | None:
        return self._torch.cuda.memory_allocated() >> 20 if self._device == "cuda" else None

    def _wait(self) -> None:
        if self._device == "cuda":
            self._torch.cuda.synchronize()


if __name__ == "__main__":
    serve(Transformers)
