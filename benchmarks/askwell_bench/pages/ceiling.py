"""ctranslate2 called directly: what no server can beat, and how near to the memory's bandwidth it comes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .markdown import counted, number, percent, scaled, table, text, whole
from .section import Section
from .source import Result, Results, as_number

COMMAND = "askwell-bench engine --model DIR --out benchmarks/results"


# Keys of a row in engine.json, and the columns they become.
_COLUMNS = {
    "prefill": {"tokens": "tokens", "rows": "rows", "seconds": "seconds", "tokens_per_s": "tokens/s"},
    "sampling": {"label": "", "rows": "rows", "context": "context", "ms": "step, ms"},
    "settings": {
        "label": "",
        "threads": "threads",
        "rows": "rows",
        "context": "context",
        "ms": "step, ms",
        "ratio": "÷ the server's settings",
    },
    "forced": {
        "rows": "rows",
        "apart": "tokens apart",
        "forced_ms": "a forced step, ms",
        "step_ms": "an ordinary step, ms",
        "prefill_token_ms": "a token's prefill, ms",
    },
    "prefix": {
        "rows": "rows",
        "prefix": "shared tokens",
        "tail": "own tokens",
        "separate_s": "whole prompts, s",
        "shared_s": "shared once, s",
        "cached_s": "kept from before, s",
        "ratio": "whole ÷ shared",
    },
}


def engine_section(results: Results) -> Section:
    result = results.one("engine")
    if result is None:
        return Section(COMMAND, ())
    steps = result.rows("step")
    parts = {key: _plain(result, key, columns) for key, columns in _COLUMNS.items()} | {
        "bandwidth": _bandwidth(result),
        "step_ms": _grid(steps, "ms", number),
        "step_rate": _grid(steps, "tokens_per_s", number),
        "step_share": _grid(steps, "roofline_share", percent),
        "cost_model": _cost_model(result),
    }
    return Section(COMMAND, (result,), parts)


def _bandwidth(result: Result) -> str:
    measured = [
        f"{number(as_number(rate))} GB/s with {counted(int(threads), 'thread')}"
        for threads, rate in result.object("read_gb_per_s").items()
    ]
    size = result.number("step_bytes")
    told = f"Memory is read at {' and '.join(measured)}." if measured else ""
    return f"{told} A step reads {number(scaled(size, 1e-6))} MB of weights." if size else told


def _plain(result: Result, key: str, columns: Mapping[str, str]) -> str:
    return table(
        list(columns.values()), [[_told(row.get(name)) for name in columns] for row in result.rows(key)]
    )


def _told(value: Any) -> str:
    return (
        number(value) if isinstance(value, float) else whole(value) if isinstance(value, int) else text(value)
    )


def _grid(steps: Sequence[Mapping[str, Any]], key: str, told: Callable[[float | None], str]) -> str:
    """Rows of the batch downward, tokens of context across."""
    contexts = sorted({step["context"] for step in steps if as_number(step.get("context")) is not None})
    rows = sorted({step["rows"] for step in steps if as_number(step.get("rows")) is not None})
    found = {(step.get("rows"), step.get("context")): as_number(step.get(key)) for step in steps}
    if not any(value is not None for value in found.values()):
        return ""
    header = ["rows", *(f"{whole(context)} tokens" for context in contexts)]
    return table(header, [[whole(r), *(told(found.get((r, context))) for context in contexts)] for r in rows])


def _cost_model(result: Result) -> str:
    fitted = result.object("cost_model")
    return table(["", "value"], [[f"`{name}`", _told(value)] for name, value in fitted.items()])
