"""The stage ``gpu-transformers``: transformers in float16 and ctranslate2, in turn, on the same GPU."""

from dataclasses import dataclass
from typing import Any

from ..result import Measure
from .gpu_folder import float16_model
from .gpu_lineup import HALF, INT8, Lineup, Values, each, say, spread
from .stage import Finding, Work

TRANSFORMERS = "transformers"


@dataclass(frozen=True, slots=True)
class Sizes:
    batches: tuple[int, ...] = (1, 4, 8, 16, 32)
    prompts: tuple[int, ...] = (16, 128, 512, 1024)
    prompt_tokens: int = 64
    new_tokens: int = 24
    rounds: int = 5


FULL = Sizes()


def measure(work: Work, sizes: Sizes = FULL) -> Finding:
    prefill: list[dict[str, Any]] = []
    decode: list[dict[str, Any]] = []
    measures: list[Measure] = []
    figures: dict[str, Any] = {
        "prompt_tokens": sizes.prompt_tokens, "new_tokens": sizes.new_tokens, "rounds": sizes.rounds,
        "prefill": prefill, "decode": decode,
    }  # fmt: skip
    with Lineup() as lineup:
        _open(lineup, work)
        figures["engines"] = {name: engine.opened for name, engine in lineup.engines.items()}
        for length in sizes.prompts:
            found = lineup.rounds(sizes.rounds, "prefill", prompt_tokens=length)
            prefill.append({"prompt_tokens": length, **_row(found, "first_ms")})
            measures += _ratios(found, "first_ms", f"prefill_speedup_{{}}_tokens_{length}")
            say(f"prompt of {length}: " + _told(found, "first_ms"))
        for rows in sizes.batches:
            found = lineup.rounds(
                sizes.rounds,
                "decode",
                rows=rows,
                prompt_tokens=sizes.prompt_tokens,
                new_tokens=sizes.new_tokens,
            )
            decode.append({"rows": rows, **_row(found, "step_ms")})
            measures += _ratios(found, "step_ms", f"decode_speedup_{{}}_rows_{rows}")
            say(f"batch of {rows}: " + _told(found, "step_ms"))
    if not any(TRANSFORMERS in row for row in (*prefill, *decode)):
        raise RuntimeError(lineup.failed.get(TRANSFORMERS, "transformers measured nothing"))
    return Finding(_lines(prefill, decode), {**figures, **lineup.told()}, tuple(measures))


def _open(lineup: Lineup, work: Work) -> None:
    """transformers first: without it there is nothing to compare."""
    settings = {"checkpoint": str(work.checkpoint), "device": work.device}
    environment = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TQDM_DISABLE": "1"}
    module = "askwell_bench.gptj.gpu_torch"
    if lineup.open(TRANSFORMERS, module, settings, environment) is None:
        return
    if lineup.ask(TRANSFORMERS, "check") is None:
        lineup.close(TRANSFORMERS)
        return
    lineup.open_engine(INT8[work.device], work, work.model, INT8[work.device])
    try:
        lineup.open_engine(HALF[work.device], work, float16_model(work, lineup.deadline), HALF[work.device])
    except RuntimeError as error:
        lineup.failed[HALF[work.device]] = str(error)


def _row(found: Values, key: str) -> dict[str, Any]:
    return {name: {key: spread(each(answers, key))} for name, answers in found.items()}


def _ratios(found: Values, key: str, pattern: str) -> list[Measure]:
    """How many times as long transformers takes, round by round."""
    if TRANSFORMERS not in found:
        return []
    slow = each(found[TRANSFORMERS], key)
    return [
        Measure(
            pattern.format(name), "ratio", "higher",
            tuple(a / b for a, b in zip(slow, each(answers, key), strict=True)), relative=True,
        )
        for name, answers in found.items() if name != TRANSFORMERS
    ]  # fmt: skip


def _told(found: Values, key: str) -> str:
    return ", ".join(
        f"{name} {spread(each(answers, key))['median']:.2f} ms" for name, answers in found.items()
    )


def _lines(prefill: list[dict[str, Any]], decode: list[dict[str, Any]]) -> tuple[str, ...]:
    names = list(dict.fromkeys(name for row in (*prefill, *decode) for name in row))
    names = [name for name in names if name not in ("prompt_tokens", "rows")]
    lines = [f"{'prompt, ms':<14}" + "".join(f"{name:>16}" for name in names)]
    for head, key, rows in (("prompt_tokens", "first_ms", prefill), ("rows", "step_ms", decode)):
        if head == "rows":
            lines.append(f"{'rows, step ms':<14}" + "".join(f"{name:>16}" for name in names))
        for row in rows:
            cells = "".join(
                f"{row[name][key]['median']:>16.2f}" if name in row else f"{'–':>16}" for name in names
            )
            lines.append(f"{row[head]:<14}{cells}")
    return tuple(lines)
