"""The stage ``gpu-mlperf``: MLPerf's shape for GPT-J, long prompts and 128 new tokens, greedy and 4 beams.

The shape only: random tokens, all rows equally long, no accuracy gate. It is no MLPerf result. Batches grow
until the memory ends, directly and through the server.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..result import Measure
from .gpu_lineup import INT8, SERVED, Lineup, Values, each, say, spread
from .stage import Finding, Work

BEAMS = 4
_SERVER = "server"
_ASK_LIMIT_S = 180.0


@dataclass(frozen=True, slots=True)
class Sizes:
    greedy: tuple[int, ...] = (1, 8, 32, 64)
    beam: tuple[int, ...] = (1, 4, 8, 16)
    prompt_tokens: int = 1000
    new_tokens: int = 128
    rounds: int = 3


FULL = Sizes()


def measure(work: Work, sizes: Sizes = FULL) -> Finding:
    rows: list[dict[str, Any]] = []
    measures: list[Measure] = []
    name = INT8[work.device]
    with Lineup() as lineup:
        lineup.open_engine(name, work, work.model, name)
        settings = {
            "model": str(work.model),
            "device": work.device,
            "threads": work.threads,
            "max_batch_rows": max(*sizes.greedy, *sizes.beam),
        }
        lineup.open(_SERVER, SERVED, settings)
        for beams, batches in ((1, sizes.greedy), (BEAMS, sizes.beam)):
            for batch in batches:
                found = _rounds(lineup, sizes, batch, beams)
                if not found:  # out of memory: a larger batch would be too
                    break
                rows.append(_row(sizes, batch, beams, found))
                measures += _measures(found, name, batch, beams)
    if not rows:
        raise RuntimeError(next(iter(lineup.failed.values()), "nothing was measured"))
    figures = {
        "compute_type": name,
        "prompt_tokens": sizes.prompt_tokens,
        "new_tokens": sizes.new_tokens,
        "rounds": sizes.rounds,
        "batches": rows,
    }
    return Finding(_lines(rows), {**figures, **lineup.told()}, tuple(measures))


def _rounds(lineup: Lineup, sizes: Sizes, batch: int, beams: int) -> Values:
    """Warmed up by a few tokens to the same prompts: the memory of the prefill is the larger part."""
    shape: dict[str, Any] = {
        "rows": batch, "prompt_tokens": sizes.prompt_tokens, "beams": beams, "limit_s": _ASK_LIMIT_S
    }  # fmt: skip
    warmed = lineup.rounds(1, "batch", warm=False, new_tokens=4, **shape)
    if not warmed:
        return {}
    return lineup.rounds(
        sizes.rounds, "batch", tuple(warmed), warm=False, new_tokens=sizes.new_tokens, **shape
    )


def _row(sizes: Sizes, batch: int, beams: int, found: Values) -> dict[str, Any]:
    row: dict[str, Any] = {"rows": batch, "beams": beams}
    for label, answers in found.items():
        told = spread(each(answers, "seconds"))
        rate = batch / told["median"]
        row[label] = {
            "seconds": told, "samples_per_s": rate, "new_tokens_per_s": rate * sizes.new_tokens
        }  # fmt: skip
        say(f"{batch} rows, {beams} beams, {label}: {told['median']:.2f} s, {rate:.2f} samples/s")
    return row


def _measures(found: Values, engine: str, batch: int, beams: int) -> list[Measure]:
    """How much of the engine's throughput comes through the server, round by round."""
    if engine not in found or _SERVER not in found:
        return []
    pairs = zip(each(found[engine], "seconds"), each(found[_SERVER], "seconds"), strict=True)
    ratios = tuple(a / b for a, b in pairs)
    return [Measure(f"throughput_ratio_rows_{batch}_beams_{beams}", "ratio", "higher", ratios, relative=True)]


def _lines(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    lines = [f"{'rows':<6}{'beams':>6}  {'':<16}{'seconds':>10}{'samples/s':>12}{'new tokens/s':>14}"]
    for row in rows:
        told: Mapping[str, Any] = {key: row[key] for key in row if key not in ("rows", "beams")}
        lines += [
            f"{row['rows']:<6}{row['beams']:>6}  {label:<16}{each_['seconds']['median']:>10.2f}"
            f"{each_['samples_per_s']:>12.2f}{each_['new_tokens_per_s']:>14,.0f}"
            for label, each_ in told.items()
        ]
    return tuple(lines)
