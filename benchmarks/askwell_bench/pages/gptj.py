"""GPT-J at its full size, with random weights: converting, decoding, serving."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .markdown import NONE, counted, number, percent, scaled, span, table, whole
from .section import Section
from .source import Result, Results, as_number, numbers, objects

COMMAND = "make bench-gptj"
FULL_LAYERS = 28


def gptj_section(results: Results) -> Section:
    show = {
        "checkpoint": _checkpoint,
        "convert": _convert,
        "decode": _decode,
        "serve": _serve,
        "mlperf": _mlperf,
    }
    stages = {name: results.one(f"gptj-{name}-cpu") for name in show}
    found = [stage for stage in stages.values() if stage]
    return Section(COMMAND, found, {name: _stage(stage, show[name]) for name, stage in stages.items()})


def _stage(stage: Result | None, show: Callable[[Result], str]) -> str:
    if stage is None:
        return ""
    return f"Failed: {stage.failed}" if stage.failed else show(stage)


def size(result: Result) -> str:
    """Whether it is GPT-J, or a slice for a small machine."""
    layers = result.number("layers")
    if layers is None or layers == FULL_LAYERS:
        return "full size"
    return f"a slice of {whole(layers)} layers"


def _checkpoint(result: Result) -> str:
    return (
        f"The checkpoint ({size(result)}, {_gb(result.number('bytes'))}, float16) was written in "
        f"{number(result.number('seconds'))} s with {_mb(result.number('peak_mb'))} of memory at most."
    )


def _convert(result: Result) -> str:
    header = ["", "runs", "seconds", "memory at most", "writes"]
    rows = []
    for label, key in (("askwell-convert", "ours"), ("ctranslate2's converter", "stock")):
        side = result.object(key)
        if side.get("absent"):
            rows.append([label, f"not run: {side['absent']}", NONE, NONE, NONE])
        elif side:
            seconds, peaks = numbers(side.get("seconds")), numbers(side.get("peak_mb"))
            rows.append(
                [label, whole(len(seconds)), span(seconds), mb_span(peaks), _gb(as_number(side.get("bytes")))]
            )
    told = f"From {_gb(result.number('checkpoint_bytes'))} of float16 to int8, {size(result)}."
    time, memory = result.number("time_ratio"), result.number("memory_ratio")
    ratio = (
        f"In turn: askwell-convert takes {number(time)} of the stock converter's time"
        + (f" and {number(memory)} of its memory." if memory is not None else ".")
        if time is not None
        else ""
    )
    return "\n\n".join(part for part in (told, table(header, rows), ratio) if part)


def _decode(result: Result) -> str:
    read, step_bytes = result.get("read_gb_per_s"), result.number("step_bytes")
    rates = (
        " and ".join(
            f"{number(as_number(rate))} GB/s with {counted(int(n), 'thread')}" for n, rate in read.items()
        )
        if isinstance(read, Mapping)
        else f"{number(as_number(read))} GB/s"
    )
    told = (
        f"A step reads {_gb(step_bytes)} of weights; memory is read at {rates}."
        if step_bytes and read
        else ""
    )
    return "\n\n".join(part for part in (told, *(_threads(run) for run in result.rows("runs"))) if part)


def _threads(run: Mapping[str, Any]) -> str:
    count = run.get("threads")
    told = (
        f"**{counted(count, 'thread')}**: loads in {number(as_number(run.get('load_s')))} s; "
        f"{_mb(as_number(run.get('rss_mb')))} of memory, {_mb(as_number(run.get('peak_mb')))} at its peak."
    )
    steps = table(
        ["rows", "step, ms", "tokens/s", "share of the roofline"],
        [
            [
                whole(as_number(step.get("rows"))),
                *(number(as_number(step.get(key))) for key in ("ms", "tokens_per_s")),
                percent(as_number(step.get("roofline_share"))),
            ]
            for step in objects(run.get("step"))
        ],
    )
    prefill = table(
        ["prompt tokens", "prefill, s", "tokens/s"],
        [
            [
                whole(as_number(each.get("tokens"))),
                *(number(as_number(each.get(key))) for key in ("seconds", "tokens_per_s")),
            ]
            for each in objects(run.get("prefill"))
        ],
    )
    missing = run.get("partial")
    left_out = f"**Partial**, left out: {'; '.join(map(str, missing))}." if isinstance(missing, list) else ""
    return "\n\n".join(part for part in (told, steps, prefill, left_out) if part)


def _serve(result: Result) -> str:
    """Through the server, and where it was measured beside it, directly."""
    asked, direct = result.object("set"), result.object("direct")
    rows, prompt, new = (whole(as_number(asked.get(key))) for key in ("rows", "prompt_tokens", "new_tokens"))
    short = result.number("prompt_tokens")
    of = f", prompt of {whole(short)} tokens" if short is not None else ""
    served = {
        "ready after, s": (result.number("load_s"), direct.get("load_s")),
        "memory, MB": (result.number("rss_mb"), direct.get("rss_mb")),
        f"first token, ms{of}": (result.number("first_token_ms"), direct.get("first_token_ms")),
        "then tokens/s": (result.number("decode_tokens_per_s"), direct.get("decode_tokens_per_s")),
    }
    if asked:
        label = f"a question set, {rows} rows of {prompt} + {new} tokens"
        served |= {
            f"{label}, s": (as_number(asked.get("seconds")), direct.get("set_s")),
            f"{label}, tokens/s": (as_number(asked.get("tokens_per_s")), direct.get("set_tokens_per_s")),
        }
    return table(
        ["", "through the server", "ctranslate2 directly"],
        [[what, *(number(as_number(each)) for each in sides)] for what, sides in served.items()],
    )


def _mlperf(result: Result) -> str:
    sides = {"greedy": result.object("greedy"), "beam 4": result.object("beam4")}
    rows = [
        [
            label + (" (partial)" if side.get("partial") else ""),
            *(number(as_number(side.get(key))) for key in ("seconds", "tokens_per_s")),
        ]
        for label, side in sides.items()
        if side
    ]
    prompt, new = whole(result.number("prompt_tokens")), whole(result.number("new_tokens"))
    lead = f"{prompt} prompt tokens and {new} new ones a sample, one sample at a time."
    broken_off = [f"{label}: {side['partial']}." for label, side in sides.items() if side.get("partial")]
    note = str(result.get("note") or "")
    parts = (lead, table(["", "seconds", "tokens/s"], rows), *broken_off, note and f"{note.rstrip('.')}.")
    return "\n\n".join(part for part in parts if part)


def _gb(size: float | None) -> str:
    return NONE if size is None else f"{number(scaled(size, 1e-9))} GB"


def mb_span(megabytes: Sequence[float]) -> str:
    """The least and the greatest, in GB from one on."""
    if megabytes and min(megabytes) >= 1e3:
        return f"{span([each / 1e3 for each in megabytes], 3)} GB"
    return f"{span(megabytes, 3)} MB" if megabytes else NONE


def _mb(megabytes: float | None) -> str:
    if megabytes is None:
        return NONE
    return f"{number(megabytes / 1e3)} GB" if megabytes >= 1e3 else f"{number(megabytes)} MB"
