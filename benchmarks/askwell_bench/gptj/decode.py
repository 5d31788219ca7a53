"""The stage ``decode``: prefill by length and a decoding step by batch size, ctranslate2 called directly.

A decoding step reads every weight but the input embedding once, whatever the batch: its floor is their bytes
over the memory's read bandwidth, and ``roofline_share`` is that floor over the step that was measured. The KV
cache, which is read and copied too, does not count, so at many rows the share falls for more than one reason.
Prefill of N tokens is the time to the first token of a prompt of N + 1, less one decoding step.

Each number of threads is a process of its own, with the environment of the server's engine. What would
take it beyond its time is left out, and the result says so under ``partial``.
"""

import time
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from askwell_manifest import read_manifest

from ..engine.bandwidth import read_gb_per_s
from ..engine.case import Case
from ..engine.subject import Subject
from ..engine.weights import step_traffic
from ..result import Measure, model_facts
from .loaded import loaded, tell
from .stage import Finding, Stage, Work

ROWS = (1, 2, 4, 8, 16, 32)
LENGTHS = (16, 32, 64, 128, 256, 512)
_CONTEXT, _SMALL_CONTEXT = 48, 16
_TAIL, _STEPS = 2, 13
_REPEATS, _REPEAT_WITHIN_S = 3, 8.0
_BUDGET_S = 220.0  # of one number of threads, loading left out: twice that stays under nine minutes

Run = dict[str, Any]


def _measure(work: Work) -> Finding:
    manifest = read_manifest(work.model)
    bandwidth = {each: read_gb_per_s(each) for each in sorted({1, work.threads})}
    runs: list[Run] = []
    lines: list[str] = []
    measures: list[Measure] = []
    step_bytes = 0
    for threads, rate in bandwidth.items():
        with loaded(work, threads) as engine:
            step_bytes = step_traffic(work.model / "model.bin", engine.subject.compute_type).step_bytes
            run: Run = {"threads": threads, "load_s": engine.load_s, "rss_mb": engine.rss_mb}
            measures += _fill(run, engine.subject, manifest.positions, step_bytes / (rate * 1e9))
            run["peak_mb"] = engine.peak_mb
        runs.append(run)
        lines += _lines(run)
    figures = {
        "model": model_facts(manifest),
        "context": _context(manifest.positions),
        "runs": runs,
        "read_gb_per_s": {str(threads): rate for threads, rate in bandwidth.items()},
        "step_bytes": step_bytes,
    }
    return Finding(tuple(lines), figures, tuple(measures))


STAGE = Stage("decode", "prefill by length, decoding step by batch size", _measure, "cpu")


def _fill(run: Run, subject: Subject, positions: int, read_s: float) -> Iterator[Measure]:
    """``read_s``: seconds of reading a step's weights. What a broken engine has told stays."""
    run["step"], run["prefill"] = [], []
    deadline = time.monotonic() + _BUDGET_S
    try:
        yield from _decode(run, subject, positions, read_s, deadline)
        _prefill(run, subject, positions, deadline)
    except RuntimeError as error:
        if not run["step"]:
            raise
        run.setdefault("partial", []).append(str(error))


def _decode(run: Run, subject: Subject, positions: int, read_s: float, deadline: float) -> Iterator[Measure]:
    last_s = 0.0
    for rows in ROWS:
        start = time.monotonic()
        if start + 2 * last_s > deadline:
            run.setdefault("partial", []).append(f"a step of {rows} rows, for want of time")
            continue
        took = subject.run(Case((_TAIL,) * rows, _STEPS, prefix=_context(positions) - _TAIL))
        last_s = time.monotonic() - start
        run["step"].append(
            {
                "rows": rows,
                "ms": took.step_s * 1e3,
                "tokens_per_s": rows / took.step_s,
                "roofline_share": read_s / took.step_s,
            }
        )
        tell(f"{rows} rows: {took.step_s * 1e3:.1f} ms a step")
        name = f"step_ms_rows_{rows}_threads_{run['threads']}"
        yield Measure(name, "ms", "lower", tuple(step_s * 1e3 for step_s in took.steps_s))


def _prefill(run: Run, subject: Subject, positions: int, deadline: float) -> None:
    a_token_s = 0.0
    for length in (each for each in LENGTHS if each <= positions // 4):
        expected_s = a_token_s * length
        if time.monotonic() + expected_s > deadline:
            left_out = f"prefill of {length} tokens, which would take about {expected_s:.0f} s"
            run.setdefault("partial", []).append(left_out)
            continue
        seconds = _prefill_s(subject, length)
        a_token_s = seconds / length
        run["prefill"].append({"tokens": length, "seconds": seconds, "tokens_per_s": length / seconds})
        tell(f"prefill of {length} tokens: {seconds:.2f} s")


def _prefill_s(subject: Subject, length: int) -> float:
    """The median of some rounds, or one where a round is long."""
    start = time.monotonic()
    seconds: list[float] = []
    while len(seconds) < _REPEATS and (not seconds or time.monotonic() - start < _REPEAT_WITHIN_S):
        seconds.append(subject.run(Case((length + 1,), 4)).prefill_s)
    return max(median(seconds), 1e-6)  # in a tiny model it drowns in the noise of a step


def _context(positions: int) -> int:
    return _CONTEXT if positions >= 8 * _CONTEXT else _SMALL_CONTEXT


def _lines(run: Mapping[str, Any]) -> list[str]:
    lines = [
        f"threads {run['threads']}: loaded and warm in {run['load_s']:.1f} s, {_mb(run['rss_mb'])} resident, "
        f"peak {_mb(run['peak_mb'])}",
        f"{'rows':>10}{'step, ms':>12}{'tokens/s':>12}{'of roofline':>14}",
    ]
    lines += [
        f"{s['rows']:>10}{s['ms']:>12.1f}{s['tokens_per_s']:>12.2f}{s['roofline_share']:>14.1%}"
        for s in run["step"]
    ]
    lines.append(f"{'prefill':>10}{'seconds':>12}{'tokens/s':>12}")
    lines += [f"{p['tokens']:>10}{p['seconds']:>12.2f}{p['tokens_per_s']:>12.1f}" for p in run["prefill"]]
    return lines + [f"left out: {why}" for why in run.get("partial", ())]


def _mb(value: float | None) -> str:
    return "? MB" if value is None else f"{value:,.0f} MB"
