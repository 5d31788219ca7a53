"""askwell-server on the device, as a worker: the same batches as gpu_engine's, through the wire.

The server is a child of the worker, so that its time limit holds for both.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from askwell_client import AsyncClient, Generation
from askwell_manifest import read_manifest

from ..load.workload import Vocabulary
from ..serving import running_server
from .gpu_worker import serve

_TIMEOUT_S = 300.0


class Served:
    """A running server. Prompts go over as token ids, all at once."""

    def __init__(self, model: str, device: str, threads: int, max_batch_rows: int) -> None:
        manifest = read_manifest(Path(model))
        self._vocabulary = Vocabulary(manifest.vocabulary_size, manifest.positions)
        self._random = np.random.default_rng(0)
        flags = ["--device", device, "--max-batch-rows", str(max_batch_rows), "--queue-limit", "1024"]
        if device == "cpu":
            flags += ["--intra-threads", str(threads)]
        self._open = ExitStack()
        start = time.perf_counter()
        self._address = self._open.enter_context(running_server(Path(model), *flags))
        self._start_s = time.perf_counter() - start

    def facts(self) -> dict[str, Any]:
        return {"start_s": self._start_s}

    def question_sets(self, sets: int, samples: int, prompt_tokens: int, new_tokens: int) -> dict[str, Any]:
        """Seconds for all sets, and of the slowest one."""
        prompts = [self._prompt(prompt_tokens) for _ in range(sets)]
        options = {"num_return": samples, "top_k": 50, "top_p": 0.95, "temperature": 1.0}
        return asyncio.run(self._ask(prompts, samples, new_tokens, options))

    def batch(self, rows: int, prompt_tokens: int, new_tokens: int, beams: int = 1) -> dict[str, Any]:
        """Seconds for as many requests at once, greedy or by beam search."""
        prompts = [self._prompt(prompt_tokens) for _ in range(rows)]
        return asyncio.run(self._ask(prompts, 1, new_tokens, {"temperature": 0.0, "num_beams": beams}))

    def close(self) -> None:
        self._open.close()

    async def _ask(
        self, prompts: Sequence[tuple[int, ...]], samples: int, new_tokens: int, options: dict[str, Any]
    ) -> dict[str, Any]:
        """Raises RuntimeError for rows of other lengths: unequal work cannot be compared."""
        async with AsyncClient(self._address, timeout_s=_TIMEOUT_S, retries=0) as client:

            async def one(prompt: tuple[int, ...]) -> tuple[float, Generation]:
                start = time.perf_counter()
                answer = await client.generate(
                    prompt, max_new_tokens=new_tokens, min_new_tokens=new_tokens, token_ids=True, **options
                )
                return time.perf_counter() - start, answer

            start = time.perf_counter()
            answers = await asyncio.gather(*(one(prompt) for prompt in prompts))
            seconds = time.perf_counter() - start
        made = [sample.usage.new_tokens for _, answer in answers for sample in answer.samples]
        if made != [new_tokens] * (len(prompts) * samples):
            raise RuntimeError(f"rows of {sorted(set(made))} tokens were written instead of {new_tokens}")
        return {"seconds": seconds, "slowest_s": max(taken for taken, _ in answers)}

    def _prompt(self, length: int) -> tuple[int, ...]:
        return self._vocabulary.prompt(self._random, length)


if __name__ == "__main__":
    serve(Served)
