"""The engine under measurement, in a process of its own: cases in by line, their times out by line.

    echo '{"tails": [64], "steps": 8}' | python -m askwell_bench.engine.probe MODEL cpu auto 1

ctranslate2 is called directly, by this process's main thread. Its settings are the environment of the
process, which is why it is one: malloc and OpenMP read theirs before Python runs. The first line tells what
the engine computes in; ``{"error": ...}`` instead of a line tells what went wrong.
"""

import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from askwell_manifest import Manifest, read_manifest
from askwell_server.engine.backend import compute_type_for, return_freed_memory
from askwell_server.engine.folder import ModelRefused, read_vocabulary

from ..generator import load_generator
from ..load.workload import Vocabulary
from .case import Case, Timing

_WARM_UP = Case(tails=(8,) * 4, steps=8, prefix=16)


def run_case(generator: Any, spellings: Sequence[str], positions: int, case: Case) -> Timing:
    """Raises RuntimeError when the engine took fewer steps than it was asked for."""
    vocabulary = Vocabulary(len(spellings), positions)
    random = np.random.default_rng(int(case.cached))  # a prefix that is kept shall not serve other cases

    def prompt(length: int) -> list[str]:
        return [spellings[i] for i in vocabulary.prompt(random, length)]

    prefix = prompt(case.prefix) or None
    prompts = [prompt(length) for length in case.tails]
    ends_s: list[float] = []

    def on_token(result: Any) -> bool:
        if result.step == len(ends_s):  # the first token of a step
            ends_s.append(time.perf_counter())
        return bool(result.step + 1 >= case.steps)

    start = time.perf_counter()
    generator.generate_batch(
        prompts,
        static_prompt=prefix,
        cache_static_prompt=case.cached,
        include_prompt_in_result=False,
        max_length=case.steps,
        min_length=case.steps,
        sampling_topk=case.top_k,
        sampling_topp=case.top_p,
        callback=on_token,
    )
    if len(ends_s) != case.steps:
        raise RuntimeError(f"the engine took {len(ends_s)} steps instead of {case.steps}")
    gaps = (after - before for before, after in pairwise(ends_s))
    return Timing(ends_s[0] - start, tuple(gaps))


def _answers(model: Path, device: str, compute_type: str, threads: int) -> Iterator[str]:
    # The generator is a local: it must be gone before the process exits, or CTranslate2 may abort.
    manifest: Manifest = read_manifest(model)
    spellings = read_vocabulary(model, manifest)
    chosen = compute_type_for(compute_type, device, manifest.quantization.startswith("int8"))
    generator = load_generator(model, device, compute_type=chosen, intra_threads=threads)
    return_freed_memory()
    run_case(generator, spellings, manifest.positions, _WARM_UP)
    yield json.dumps({"compute_type": generator.compute_type})
    for line in sys.stdin:
        yield run_case(generator, spellings, manifest.positions, Case.from_json(line)).to_json()


def main(arguments: Sequence[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the benchmark ends this process itself
    model, device, compute_type, threads = arguments
    try:
        for answer in _answers(Path(model), device, compute_type, int(threads)):
            print(answer, flush=True)
    except (RuntimeError, ValueError, OSError, ModelRefused) as error:
        print(json.dumps({"error": " ".join(str(error).split())}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
