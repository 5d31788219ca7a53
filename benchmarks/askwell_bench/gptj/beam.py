"""One beam search after another, in a process of its own: nothing of a beam streams.

So nothing could end one that takes too long: short searches tell first what fits into the time.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from askwell_manifest import read_manifest
from askwell_server.engine.folder import read_vocabulary
from askwell_server.engine.spawn import ENGINE_ENV

from ..generator import load_generator
from ..load.workload import Vocabulary
from .child import Told, answer, ask
from .pace import Pace, Plan, Probe, fit
from .stage import Work

BEAMS = 4
_PROBES, _PROBE_NEW = (64, 256), (2, 10)
_SAFETY = 0.85  # of the time that is left, for an estimate that was too low

Search = Callable[[int, int], float]
"""Prompt and new tokens → seconds."""


@dataclass(frozen=True, slots=True)
class Beams:
    """Seconds of each sample of the plan that was kept to; ``broken_off`` says why there are fewer."""

    plan: Plan
    seconds: list[float]
    broken_off: str | None = None


def beam_seconds(work: Work, plan: Plan, positions: int, limit_s: float) -> Beams:
    """Run as much of the plan as ``limit_s`` holds, loading included."""
    request = {
        "model": str(work.model),
        "threads": work.threads,
        "plan": asdict(plan),
        "probes": [min(length, positions // 8 * (1 + place)) for place, length in enumerate(_PROBES)],
        "limit_s": limit_s,
    }
    try:
        told = ask("askwell_bench.gptj.beam", request, limit_s=limit_s, env=ENGINE_ENV)
    except RuntimeError as error:
        return Beams(plan, [], str(error))
    made = [Plan(**line["plan"]) for line in told.lines if "plan" in line]
    seconds = [line["seconds"] for line in told.lines if "seconds" in line]
    return Beams(made[0] if made else plan, seconds, told.broken_off)


def _answers(request: Mapping[str, Any]) -> Iterator[Told]:
    # Not above: it loads ctranslate2, and a benchmark may want to limit the CPU's instructions before that.
    from askwell_server.engine.backend import compute_type_for, return_freed_memory

    start = time.monotonic()
    # The generator is a local: it must be gone before the process exits, or CTranslate2 may abort.
    model = Path(request["model"])
    manifest = read_manifest(model)
    compute_type = compute_type_for("auto", "cpu", manifest.quantization.startswith("int8"))
    generator = load_generator(model, "cpu", compute_type=compute_type, intra_threads=request["threads"])
    return_freed_memory()
    spellings = read_vocabulary(model, manifest)
    vocabulary, random = Vocabulary(len(spellings), manifest.positions), np.random.default_rng(0)

    def search(prompt_tokens: int, new_tokens: int) -> float:
        prompt = [spellings[i] for i in vocabulary.prompt(random, prompt_tokens)]
        return _search_s(generator, prompt, new_tokens)

    search(8, 4)  # warm
    yield {"progress": f"beam {BEAMS}: estimating how long it will take"}
    pace = _pace(search, request["probes"])
    left_s = request["limit_s"] - (time.monotonic() - start)
    plan = fit(Plan(**request["plan"]), pace, left_s * _SAFETY)
    yield {"plan": asdict(plan)}
    for number in range(plan.samples):
        yield {
            "progress": f"beam {BEAMS}, sample {number + 1} of {plan.samples}: {plan.new_tokens} new tokens"
        }
        yield {"seconds": search(plan.prompt_tokens, plan.new_tokens)}


def _pace(search: Search, lengths: Sequence[int]) -> Pace:
    """A step is what the longer of two outputs takes longer, divided."""
    few, many = _PROBE_NEW
    probes = []
    for length in lengths:
        few_s, many_s = search(length, few), search(length, many)
        step_s = max(many_s - few_s, 0.0) / (many - few)
        probes.append(Probe(length, few_s - few * step_s, step_s))
    return Pace.of_probes(*probes)


def _search_s(generator: Any, prompt: list[str], new_tokens: int) -> float:
    start = time.perf_counter()
    (result,) = generator.generate_batch(
        [prompt], beam_size=BEAMS, include_prompt_in_result=False, max_length=new_tokens,
        min_length=new_tokens,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    if len(result.sequences_ids[0]) != new_tokens:
        raise RuntimeError(f"{len(result.sequences_ids[0])} tokens were written instead of {new_tokens}")
    return seconds


if __name__ == "__main__":
    sys.exit(answer(_answers))
