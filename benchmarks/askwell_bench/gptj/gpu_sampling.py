"""The stage ``gpu-sampling``: what top-k and top-p add to a step, against greedy in the same round.

ctranslate2's top-k makes k passes over the vocabulary on a GPU, fast only for some k; top-p on a GPU needs
a top-k.
"""

from dataclasses import dataclass
from statistics import median
from typing import Any

from ..result import Measure
from .gpu_lineup import INT8, Lineup, say, spread
from .stage import Finding, Work

GREEDY = (1, 1.0)


@dataclass(frozen=True, slots=True)
class Sizes:
    """``ways``: top-k and top-p; greedy is the one that the others are held against."""

    ways: tuple[tuple[int, float], ...] = (
        GREEDY, (0, 1.0), (16, 1.0), (50, 1.0), (64, 1.0), (16, 0.95), (50, 0.95), (64, 0.95),
    )  # fmt: skip
    batches: tuple[int, ...] = (1, 16)
    prompt_tokens: int = 64
    new_tokens: int = 24
    rounds: int = 7


FULL = Sizes()


def measure(work: Work, sizes: Sizes = FULL) -> Finding:
    name = INT8[work.device]
    told: list[dict[str, Any]] = []
    measures: list[Measure] = []
    with Lineup() as lineup:
        if lineup.open_engine(name, work, work.model, name) is None:
            raise RuntimeError(lineup.failed[next(iter(lineup.failed))])
        for rows in sizes.batches:
            steps = _steps(lineup, name, sizes, rows)
            for (top_k, top_p), values in steps.items():
                row: dict[str, Any] = {
                    "rows": rows,
                    "top_k": top_k,
                    "top_p": top_p,
                    "step_ms": spread(values),
                }
                if (top_k, top_p) != GREEDY and GREEDY in steps:
                    added = tuple(a - b for a, b in zip(values, steps[GREEDY], strict=True))
                    row["added_ms"] = spread(added)
                    label = f"added_ms_top_k_{top_k}_top_p_{top_p:g}_rows_{rows}"
                    measures.append(Measure(label, "ms", "lower", added))
                told.append(row)
                say(f"{rows} rows, top_k {top_k}, top_p {top_p:g}: {median(values):.2f} ms a step")
    if not told:
        raise RuntimeError(next(iter(lineup.failed.values()), "nothing was measured"))
    lines = [f"{'rows':<6}{'top_k':>8}{'top_p':>8}{'step ms':>10}{'added ms':>10}"]
    for row in told:
        beyond = f"{row['added_ms']['median']:>10.3f}" if "added_ms" in row else f"{'–':>10}"
        lines.append(
            f"{row['rows']:<6}{row['top_k']:>8}{row['top_p']:>8g}{row['step_ms']['median']:>10.3f}{beyond}"
        )
    figures = {
        "compute_type": name, "prompt_tokens": sizes.prompt_tokens, "new_tokens": sizes.new_tokens,
        "rounds": sizes.rounds, "sampling": told,
    }  # fmt: skip
    return Finding(tuple(lines), {**figures, **lineup.told()}, tuple(measures))


def _steps(lineup: Lineup, name: str, sizes: Sizes, rows: int) -> dict[tuple[int, float], list[float]]:
    """All ways once a round, the first round not counted. A way that fails is left out."""
    found: dict[tuple[int, float], list[float]] = {way: [] for way in sizes.ways}
    for number in range(-1, sizes.rounds):
        for top_k, top_p in tuple(found):
            answer = lineup.ask(
                name, "decode", rows=rows, prompt_tokens=sizes.prompt_tokens, new_tokens=sizes.new_tokens,
                top_k=top_k, top_p=top_p,
            )  # fmt: skip
            if answer is None:
                del found[top_k, top_p]
            elif number >= 0:
                found[top_k, top_p].append(answer["step_ms"])
    return {way: values for way, values in found.items() if values}
