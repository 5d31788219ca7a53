"""The stage ``gpu-allocator``: how ctranslate2 takes memory, and what a request after a pause pays for it.

The keys and values are copied into new memory at every step, so allocation is on the path of every token. The
default, cudaMallocAsync, gives memory back whenever the device is synchronised; keeping it (gpu_pool) is
one call into the driver. CUB's caching allocator keeps blocks of up to 16 MB by default, smaller than a
large cache's.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..result import Measure
from .gpu_lineup import INT8, Lineup, each, say, spread
from .stage import Finding, Work

DEFAULT, KEPT = "cuda_malloc_async", "cuda_malloc_async, kept"
# Growth of the bins, smallest and largest bin as powers of it, bytes kept: 2**9 to 2**28 bytes, and 8 GiB.
_LARGE_BINS = "2,9,28,8589934592"
_CONFIGURATIONS: Mapping[str, Mapping[str, str]] = {
    DEFAULT: {"CT2_CUDA_ALLOCATOR": "cuda_malloc_async"},
    KEPT: {"CT2_CUDA_ALLOCATOR": "cuda_malloc_async"},
    "cub_caching": {"CT2_CUDA_ALLOCATOR": "cub_caching"},
    "cub_caching, large bins": {
        "CT2_CUDA_ALLOCATOR": "cub_caching",
        "CT2_CUDA_CACHING_ALLOCATOR_CONFIG": _LARGE_BINS,
    },
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """``shapes``: rows and prompt tokens."""

    shapes: tuple[tuple[int, int], ...] = ((1, 64), (16, 64), (8, 512))
    new_tokens: int = 24
    rounds: int = 5
    pauses: int = 5
    pause_s: float = 1.0
    configurations: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: _CONFIGURATIONS)


FULL = Sizes()


def measure(work: Work, sizes: Sizes = FULL) -> Finding:
    steps: list[dict[str, Any]] = []
    paused: dict[str, Any] = {}
    measures: list[Measure] = []
    with Lineup() as lineup:
        _open(lineup, work, sizes)
        for rows, prompt_tokens in sizes.shapes:
            found = lineup.rounds(
                sizes.rounds, "decode", rows=rows, prompt_tokens=prompt_tokens, new_tokens=sizes.new_tokens
            )
            told = {name: {"step_ms": spread(each(a, "step_ms"))} for name, a in found.items()}
            steps.append({"rows": rows, "prompt_tokens": prompt_tokens, **told})
            say(f"{rows} rows after {prompt_tokens} tokens: " + ", ".join(
                f"{name} {row['step_ms']['median']:.2f} ms" for name, row in told.items()
            ))  # fmt: skip
            for name in [each_ for each_ in found if each_ != DEFAULT and DEFAULT in found]:
                pairs = zip(each(found[name], "step_ms"), each(found[DEFAULT], "step_ms"), strict=True)
                label = f"step_over_default_{name}_rows_{rows}_prompt_{prompt_tokens}"
                ratios = tuple(a / b for a, b in pairs)
                measures.append(Measure(label, "ratio", "lower", ratios, relative=True))
        for name in tuple(lineup.engines):
            paused[name] = _paused(lineup, name, sizes)
    if not steps or not any(len(row) > 2 for row in steps):
        raise RuntimeError(next(iter(lineup.failed.values()), "nothing was measured"))
    figures = {
        "new_tokens": sizes.new_tokens,
        "pause_s": sizes.pause_s,
        "steps": steps,
        "after_pause": paused,
    }
    return Finding(_lines(steps, paused), {**figures, **lineup.told()}, tuple(measures))


def _open(lineup: Lineup, work: Work, sizes: Sizes) -> None:
    compute_type = INT8[work.device]
    for name, environment in sizes.configurations.items():
        engine = lineup.open_engine(name, work, work.model, compute_type, environment)
        if name == KEPT and engine is not None and lineup.ask(name, "keep_memory") is None:
            lineup.close(name)  # it would be the default under another name


def _paused(lineup: Lineup, name: str, sizes: Sizes) -> dict[str, Any]:
    """Time to the first token of a request that follows at once, and of one that follows a pause."""
    rows, prompt_tokens = sizes.shapes[-1]
    at_once: list[float] = []
    after: list[float] = []
    for number in range(-1, sizes.pauses):
        for pause_s, values in ((0.0, at_once), (sizes.pause_s, after)):
            time.sleep(pause_s)
            answer = lineup.ask(name, "decode", rows=rows, prompt_tokens=prompt_tokens, new_tokens=8)
            if answer is not None and number >= 0:
                values.append(answer["first_ms"])
    if not at_once or not after:
        return {}
    told = {"at_once_first_ms": spread(at_once), "after_pause_first_ms": spread(after)}
    say(f"{name}: " + ", ".join(f"{key} {value['median']:.2f}" for key, value in told.items()))
    return told


def _lines(steps: list[dict[str, Any]], paused: Mapping[str, Any]) -> tuple[str, ...]:
    names = list(
        dict.fromkeys(name for row in steps for name in row if name not in ("rows", "prompt_tokens"))
    )
    shapes = "".join(f"{str(row['rows']) + ' × ' + str(row['prompt_tokens']):>12}" for row in steps)
    lines = [f"{'step ms, rows × prompt':<26}{shapes}{'first: at once':>18}{'after a pause':>16}"]
    for name in names:
        cells = "".join(
            f"{row[name]['step_ms']['median']:>12.2f}" if name in row else f"{'–':>12}" for row in steps
        )
        told = paused.get(name) or {}
        first = [told.get(key, {}).get("median") for key in ("at_once_first_ms", "after_pause_first_ms")]
        last = "".join(
            f"{'–' if value is None else format(value, '.2f'):>{width}}"
            for value, width in zip(first, (18, 16), strict=True)
        )
        lines.append(f"{name:<26}{cells}{last}")
    return tuple(lines)
