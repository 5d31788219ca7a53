"""The stage ``gpu-jit``: what a process's first request waits for, with an empty and a kept CUDA cache.

The ctranslate2 wheel holds machine code up to compute capability 8.6; on a newer GPU the driver compiles
its kernels at first use, and keeps them where CUDA_CACHE_PATH says.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from ..result import Measure
from .gpu_lineup import ENGINE, INT8, Lineup, each, say, spread
from .room import folder_bytes
from .stage import Finding, Work

EMPTY, KEPT = "empty cache", "kept cache"
_CACHE_BYTES = str(4 << 30)


@dataclass(frozen=True, slots=True)
class Sizes:
    rows: int = 1
    prompt_tokens: int = 64
    new_tokens: int = 8
    rounds: int = 3


FULL = Sizes()


def measure(work: Work, sizes: Sizes = FULL) -> Finding:
    """A round is a process with an empty cache and one with what that left."""
    cache = work.folder / "cuda-cache-of-the-jit-stage"
    found: dict[str, list[dict[str, Any]]] = {EMPTY: [], KEPT: []}
    cache_bytes = 0
    with Lineup() as lineup:
        try:
            for _ in range(sizes.rounds):
                shutil.rmtree(cache, ignore_errors=True)
                cache.mkdir(parents=True)
                for name in (EMPTY, KEPT):
                    told = _first(lineup, work, sizes, name, cache)
                    found[name] += [told] if told else []
                cache_bytes = folder_bytes(cache)
        finally:
            shutil.rmtree(cache, ignore_errors=True)
    if not any(found.values()):
        raise RuntimeError(next(iter(lineup.failed.values()), "nothing was measured"))
    keys = ("load_s", "first_s", "second_s")
    figures = {name: {key: spread(each(a, key)) for key in keys} for name, a in found.items() if a}
    lines = [f"{'seconds, median':<18}{'load':>10}{'first':>10}{'second':>10}"]
    lines += [
        f"{name:<18}" + "".join(f"{median(each(answers, key)):>10.3f}" for key in keys)
        for name, answers in found.items() if answers
    ]  # fmt: skip
    lines.append(f"the cache holds {cache_bytes / 1e6:,.1f} MB afterwards")
    measures = tuple(
        Measure(f"load_and_first_s_{name.replace(' ', '_')}", "s", "lower", _together(answers))
        for name, answers in found.items() if answers
    )  # fmt: skip
    return Finding(tuple(lines), {**figures, "cache_bytes": cache_bytes, **lineup.told()}, measures)


def _first(lineup: Lineup, work: Work, sizes: Sizes, name: str, cache: Path) -> dict[str, Any] | None:
    """Seconds to load and of the first two requests, in a process of its own."""
    environment = {
        "CUDA_CACHE_PATH": str(cache),
        "CUDA_CACHE_MAXSIZE": _CACHE_BYTES,
        "CUDA_CACHE_DISABLE": "0",
    }
    settings = {
        "model": str(work.model), "device": work.device, "compute_type": INT8[work.device],
        "threads": work.threads,
    }  # fmt: skip
    engine = lineup.open(name, ENGINE, settings, environment)
    if engine is None:
        return None
    shape = {"rows": sizes.rows, "prompt_tokens": sizes.prompt_tokens, "new_tokens": sizes.new_tokens}
    answers = [lineup.ask(name, "batch", limit_s=240.0, **shape) for _ in range(2)]
    opened: Mapping[str, Any] = engine.opened
    lineup.close(name)
    if answers[0] is None or answers[1] is None:
        return None
    first_s, second_s = answers[0]["seconds"], answers[1]["seconds"]
    say(f"{name}: load {opened['load_s']:.2f} s, first {first_s:.2f} s, second {second_s:.3f} s")
    return {"load_s": opened["load_s"], "first_s": first_s, "second_s": second_s}


def _together(answers: list[dict[str, Any]]) -> tuple[float, ...]:
    return tuple(each_["load_s"] + each_["first_s"] for each_ in answers)
