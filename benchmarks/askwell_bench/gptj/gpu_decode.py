"""The stage ``gpu-decode``: prefill by length, decoding by batch size, int8_float16 against float16 in turn.

Batch sizes from 1 to 20 stand one by one, for int8 products have cliffs (40 to 28 tokens/s from batch 8 to 9,
and back at 17: CTranslate2 issue 1482). The roofline of a step: the weights that it must read, and the keys
and values of its rows, each once, at the memory bandwidth that torch measures on this card.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from ..result import Measure
from .gpu_card import find_card
from .gpu_folder import float16_model
from .gpu_lineup import HALF, INT8, Lineup, Values, each, say, spread
from .shape import Shape
from .stage import Finding, Work

SAFE = "int8, sums in float32"


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is measured; the default is for a GPU and the whole model.

    ``safe_batches`` are those where int8_float16 runs with float16 sums in float32 as well.
    """

    batches: tuple[int, ...] = (*range(1, 21), 24, 32, 48, 64)
    safe_batches: tuple[int, ...] = (1, 8, 16, 32)
    prompts: tuple[int, ...] = (16, 32, 64, 128, 256, 512, 1024)
    prompt_tokens: int = 64
    new_tokens: int = 24
    rounds: int = 5
    bandwidth_gb: float = 4.0

    def batch(self, rows: int) -> dict[str, Any]:
        return {"rows": rows, "prompt_tokens": self.prompt_tokens, "new_tokens": self.new_tokens}


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
        figures["bandwidth"] = _bandwidth(lineup, work, sizes)
        models = _open(lineup, work)
        figures["engines"] = {name: lineup.engines[name].opened for name in models}
        fast = tuple(name for name in models if name != SAFE)
        for length in sizes.prompts:
            found = lineup.rounds(sizes.rounds, "prefill", fast, prompt_tokens=length)
            prefill.append(_prefill_row(length, found))
            say(f"prompt of {length}: " + _told(found, "first_ms"))
        for rows in sizes.batches:
            names = tuple(models) if rows in sizes.safe_batches else fast
            found = lineup.rounds(sizes.rounds, "decode", names, **sizes.batch(rows))
            floors = {
                name: _floor_ms(work, sizes, models[name], rows, figures["bandwidth"]) for name in found
            }
            decode.append(_decode_row(lineup, sizes.batch(rows), found, floors))
            measures += _measures(work, rows, found)
            say(f"batch of {rows}: " + _told(found, "step_ms"))
    if not any(len(row) > 1 for row in (*prefill, *decode)):
        raise RuntimeError(next(iter(lineup.failed.values()), "nothing was measured"))
    return Finding(_lines(figures), {**figures, **lineup.told()}, tuple(measures))


def _bandwidth(lineup: Lineup, work: Work, sizes: Sizes) -> dict[str, Any]:
    """Measured where torch is, or else from the data sheet, and which of them is said."""
    module = "askwell_bench.gptj.gpu_bandwidth"
    if lineup.open("bandwidth", module, {"device": work.device, "gigabytes": sizes.bandwidth_gb}):
        rates = lineup.ask("bandwidth", "rates")
        lineup.close("bandwidth")
        if rates:
            return {**rates, "gb_s": max(rates.values()), "from": "measured with torch"}
    sheet = find_card().data_sheet_gb_s if work.device == "cuda" else None
    return {"gb_s": sheet, "from": "data sheet" if sheet else "unknown"}


def _open(lineup: Lineup, work: Work) -> dict[str, Path]:
    """The engines that could be had, and their folders."""
    int8, half = INT8[work.device], HALF[work.device]
    models: dict[str, Path] = {}
    if lineup.open_engine(int8, work, work.model, int8):
        models[int8] = work.model
    try:
        folder = float16_model(work, lineup.deadline)
        if lineup.open_engine(half, work, folder, half):
            models[half] = folder
    except RuntimeError as error:
        lineup.failed[half] = str(error)
    if lineup.open_engine(SAFE, work, work.model, int8, {"CT2_CUDA_TRUE_FP16_GEMM": "0"}):
        models[SAFE] = work.model
    return models


def _floor_ms(work: Work, sizes: Sizes, model: Path, rows: int, bandwidth: Mapping[str, Any]) -> float | None:
    """The least that a step can take, in the middle of the new tokens."""
    if not bandwidth["gb_s"]:
        return None
    shape = Shape.of_checkpoint(work.checkpoint)
    value_bytes = 2 if work.device == "cuda" else 4
    weights = (model / "model.bin").stat().st_size - _table_bytes(shape, model)
    context = sizes.prompt_tokens + sizes.new_tokens / 2
    cache = rows * context * 2 * shape.layers * shape.width * value_bytes
    return float((weights + cache) / bandwidth["gb_s"] / 1e6)


def _table_bytes(shape: Shape, model: Path) -> int:
    """The input embedding, of which a step reads one row per sequence: nothing. Int8 has a scale a row."""
    row_bytes = shape.width + 4 if "int8" in model.name else 2 * shape.width
    return shape.vocabulary * row_bytes


def _prefill_row(length: int, found: Values) -> dict[str, Any]:
    row: dict[str, Any] = {"prompt_tokens": length}
    for name, answers in found.items():
        told = spread(each(answers, "first_ms"))
        row[name] = {"first_ms": told, "tokens_per_s": length / told["median"] * 1e3}
    return row


def _decode_row(
    lineup: Lineup, batch: Mapping[str, Any], found: Values, floors: Mapping[str, float | None]
) -> dict[str, Any]:
    row: dict[str, Any] = {"rows": batch["rows"]}
    for name, answers in found.items():
        told = spread(each(answers, "step_ms"))
        floor_ms = floors[name]
        peak = lineup.ask(name, "peak", **batch)
        row[name] = {
            "step_ms": told,
            "tokens_per_s": batch["rows"] / told["median"] * 1e3,
            "floor_ms": floor_ms,
            "roofline_share": floor_ms / told["median"] if floor_ms else None,
            "memory_mib": peak["memory_mib"] if peak else None,
        }
    return row


def _measures(work: Work, rows: int, found: Values) -> list[Measure]:
    int8, half = found.get(INT8[work.device]), found.get(HALF[work.device])
    told = [] if int8 is None else [
        Measure(f"step_ms_rows_{rows}", "ms", "lower", each(int8, "step_ms"))
    ]  # fmt: skip
    if int8 is not None and half is not None:
        pairs = zip(each(int8, "step_ms"), each(half, "step_ms"), strict=True)
        ratios = tuple(a / b for a, b in pairs)
        told.append(Measure(f"int8_over_float16_rows_{rows}", "ratio", "lower", ratios, relative=True))
    return told


def _told(found: Values, key: str) -> str:
    return ", ".join(f"{name} {median(each(answers, key)):.2f} ms" for name, answers in found.items())


def _lines(figures: Mapping[str, Any]) -> tuple[str, ...]:
    rate = figures["bandwidth"]["gb_s"]
    told = f"{rate:,.0f} GB/s, {figures['bandwidth']['from']}" if rate else "unknown"
    lines = [f"memory bandwidth: {told}", f"{'prompt':<8}{'':<30}{'ms':>12}{'tokens/s':>12}"]
    for row in figures["prefill"]:
        lines += _rows(row, "prompt_tokens", ("first_ms", "tokens_per_s"))
    lines.append(f"{'rows':<8}{'':<30}{'step ms':>12}{'tokens/s':>12}{'of roofline':>12}{'MiB':>12}")
    for row in figures["decode"]:
        lines += _rows(row, "rows", ("step_ms", "tokens_per_s", "roofline_share", "memory_mib"))
    return tuple(lines)


def _rows(row: Mapping[str, Any], head: str, keys: Sequence[str]) -> list[str]:
    return [f"{row[head]:<8}{name:<30}{_cells(row[name], keys)}" for name in row if name != head]


def _cells(told: Mapping[str, Any] | None, keys: Sequence[str]) -> str:
    cells = ""
    for key in keys:
        value = told.get(key) if told else None
        value = value["median"] if isinstance(value, dict) else value
        cells += f"{'–':>12}" if value is None else f"{value:>12,.2f}"
    return cells
