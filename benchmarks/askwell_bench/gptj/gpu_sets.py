"""The stage ``gpu-sets``: question sets, through the engine directly and through the server, in turn.

A set is what one candidate asks for: 8 samples of 40 tokens to a prompt of 300. One set, and 16 at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..result import Measure
from .gpu_lineup import INT8, SERVED, Lineup, Values, each, say, spread
from .stage import Finding, Work

PREFIX, TOGETHER = "engine, set after set", "engine, all together"


@dataclass(frozen=True, slots=True)
class Sizes:
    """``tail_tokens``: what a row has of its own behind the static prefix, at least 2."""

    sets: tuple[int, ...] = (1, 16)
    samples: int = 8
    prompt_tokens: int = 300
    tail_tokens: int = 8
    new_tokens: int = 40
    batch_rows: tuple[int, ...] = (16, 128)
    rounds: int = 5


FULL = Sizes()


def measure(work: Work, sizes: Sizes = FULL) -> Finding:
    """``batch_rows`` are servers with that --max-batch-rows; 16 is the default."""
    rows: list[dict[str, Any]] = []
    measures: list[Measure] = []
    name = INT8[work.device]
    with Lineup() as lineup:
        lineup.open_engine(name, work, work.model, name)
        for limit in sizes.batch_rows:
            settings = {
                "model": str(work.model),
                "device": work.device,
                "threads": work.threads,
                "max_batch_rows": limit,
            }
            lineup.open(f"server, {limit} rows", SERVED, settings)
        for sets in sizes.sets:
            found = _rounds(lineup, name, sizes, sets)
            tokens = sets * sizes.samples * sizes.new_tokens
            row: dict[str, Any] = {"sets": sets}
            for label, answers in found.items():
                told = spread(each(answers, "seconds"))
                row[label] = {"seconds": told, "tokens_per_s": tokens / told["median"]}
                say(f"{sets} sets, {label}: {told['median']:.3f} s")
            rows.append(row)
            measures += _ratios(found, sets)
    if not any(len(row) > 1 for row in rows):
        raise RuntimeError(next(iter(lineup.failed.values()), "nothing was measured"))
    figures = {
        "compute_type": name,
        "samples": sizes.samples,
        "prompt_tokens": sizes.prompt_tokens,
        "new_tokens": sizes.new_tokens,
        "rounds": sizes.rounds,
        "sets": rows,
    }
    return Finding(_lines(rows), {**figures, **lineup.told()}, tuple(measures))


def _rounds(lineup: Lineup, engine: str, sizes: Sizes, sets: int) -> Values:
    """Each way once a round, the first round not counted. A way that fails is left out."""
    shape = {"sets": sets, "samples": sizes.samples, "prompt_tokens": sizes.prompt_tokens}
    shape["new_tokens"] = sizes.new_tokens
    ways: dict[str, tuple[str, Mapping[str, Any]]] = {
        label: (engine, {**shape, "tail_tokens": sizes.tail_tokens, "way": way})
        for label, way in ((PREFIX, "prefix"), (TOGETHER, "together"))
    }
    ways |= {name: (name, shape) for name in lineup.engines if name != engine}
    found: Values = {label: [] for label in ways}
    for number in range(-1, sizes.rounds):
        for label in tuple(found):
            asked, values = ways[label]
            answer = lineup.ask(asked, "question_sets", **values)
            if answer is None:
                del found[label]
            elif number >= 0:
                found[label].append(answer)
    return {label: answers for label, answers in found.items() if answers}


def _ratios(found: Values, sets: int) -> list[Measure]:
    """The engine's better way, over the server, round by round: 1 is no loss."""
    ways = [each(found[label], "seconds") for label in (PREFIX, TOGETHER) if label in found]
    if not ways:
        return []
    best = [min(values) for values in zip(*ways, strict=True)]
    return [
        Measure(
            f"throughput_ratio_{label.replace(', ', '_').replace(' ', '_')}_sets_{sets}",
            "ratio",
            "higher",
            tuple(a / b for a, b in zip(best, each(answers, "seconds"), strict=True)),
            relative=True,
        )
        for label, answers in found.items()
        if label not in (PREFIX, TOGETHER)
    ]


def _lines(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    lines = [f"{'sets':<6}{'':<26}{'seconds':>10}{'tokens/s':>12}"]
    for row in rows:
        lines += [
            f"{row['sets']:<6}{label:<26}{told['seconds']['median']:>10.3f}{told['tokens_per_s']:>12,.0f}"
            for label, told in row.items()
            if label != "sets"
        ]
    return tuple(lines)
