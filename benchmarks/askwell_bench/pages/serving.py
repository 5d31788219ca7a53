"""What the server costs against ctranslate2 itself, and what it stands."""

from collections.abc import Mapping
from typing import Any

from .markdown import NONE, number, scaled, signed, span, table, text, whole
from .section import Section
from .source import Result, Results, as_number, as_object, dig, numbers

OVERHEAD = "askwell-bench overhead --model DIR --out benchmarks/results"
LOAD = "askwell-bench load --model DIR --workload questions --out benchmarks/results"
_FIGURES = ("mean", "p50", "p90", "p99")
_OK = "OK"


def overhead_section(results: Results) -> Section:
    at_one = results.like("first-token")
    whole_run = results.one("overhead")
    found = [*([whole_run] if whole_run else []), *at_one]
    return Section(
        OVERHEAD,
        found,
        {
            "saturated": _saturated(whole_run) if whole_run else "",
            "first_token": table(
                ["", "threads", "added, ms", "quartiles", "directly, ms", "served, ms", "pairs"],
                [_first_token(each) for each in found],
            ),
        },
    )


def _saturated(result: Result) -> str:
    rows = []
    for label, key in (
        ("one GenerateBatch call", "throughput_ratio"),
        ("a stream for each prompt, read token by token", "streamed_ratio"),
    ):
        quartiles = numbers(result.get(f"{key}_quartiles") or [])
        rows.append(
            [label, number(result.number(key)), span(quartiles, 3), whole(result.number("pairs"))]
            + [
                whole(result.number(size))
                for size in ("lanes", "rows", "batches", "prompt_tokens", "new_tokens")
            ]
        )
    header = [
        "", "throughput ÷ ctranslate2's", "quartiles", "rounds", "lanes on both sides", "rows a batch",
        "batches", "prompt tokens", "new tokens",
    ]  # fmt: skip
    return table(header, rows)


def _first_token(result: Result) -> list[str]:
    quartiles = result.get("added_first_token_quartiles_ms") or result.get("added_quartiles_ms") or []
    pairs = result.number("first_token_pairs") or result.number("pairs")
    return [
        result.name,
        text(result.get("threads")),
        signed(result.number("added_first_token_ms")),
        " to ".join(signed(each) for each in numbers(quartiles)) or NONE,
        number(result.number("direct_ms")),
        number(result.number("server_ms")),
        whole(pairs),
    ]


def load_section(results: Results) -> Section:
    found = load_results(results)
    return Section(LOAD, found, {"runs": "\n\n".join(_run(each) for each in found)})


def load_results(results: Results) -> list[Result]:
    """Without the sides of pairs: those are for ``compare``."""
    return [each for each in results.like("load-") if each.get("pairing") is None]


def load_title(result: Result) -> str:
    """Workload and loop, and how bursty the arrivals were where they were no Poisson ones."""
    loop = str(result.get("workload", "loop") or "")
    if not loop:
        return result.name
    given = numbers([level.get("burstiness") for level in result.rows("levels")])
    bursts = sorted({each for each in given if each != 1})
    told = f", burstiness {span(bursts)}" if bursts else ""
    return f"{result.get('workload', 'name') or result.name}, {loop} loop{told}"


def _run(result: Result) -> str:
    levels = result.rows("levels")
    wrong = [
        f"- **Invalid: {level.get('label')}:** {level['invalid']}."
        for level in levels
        if level.get("invalid")
    ]
    flags = result.get("server_flags")
    piece = "question" if result.get("workload", "name") == "questions" else "token"
    parts = [
        f"### {load_title(result)[0].upper() + load_title(result)[1:]}",
        _asked(result) + (f" Server: `{flags}`." if flags else ""),
        "\n".join(wrong),
        _rates(levels),
        *(_times(level, piece) for level in levels),
    ]
    return "\n\n".join(part for part in parts if part)


def _asked(result: Result) -> str:
    asked = result.object("workload")
    sizes = [
        f"{whole(as_number(asked[key]))} {key.replace('_', ' ')}"
        for key in ("requests", "warmup", "preamble_tokens", "prompt_tokens", "new_tokens")
        if as_number(asked.get(key)) is not None
    ]
    limits = as_object(asked.get("limits_ms"))
    kept = [
        f"{name} within {whole(as_number(limits.get(key)))} ms"
        for key, name in (("first", "first piece"), ("end_to_end", "the whole"))
        if as_number(limits.get(key)) is not None
    ]
    told = f"At each level: {', '.join(sizes)}." if sizes else ""
    return told + (f" Good is: {' and '.join(kept)}." if kept else "")


def _rates(levels: list[Mapping[str, Any]]) -> str:
    header = [
        "", "requests", "not answered", "requests/s", "tokens/s", "goodput, requests/s", "rows a batch",
        "generator's lag p99, ms",
    ]  # fmt: skip
    rows = []
    for level in levels:
        lags_s = [
            lag for key in ("send_lag_s", "loop_lag_s") if (lag := as_number(level.get(key))) is not None
        ]
        rows.append(
            [
                _label(level),
                whole(as_number(level.get("requests"))),
                _refused(level),
                *(number(as_number(level.get(key))) for key in ("requests_per_s", "tokens_per_s")),
                number(as_number(level.get("goodput_per_s"))),
                number(as_number(level.get("batch_rows"))),
                number(scaled(max(lags_s, default=None), 1e3), 2),
            ]
        )
    return table(header, rows)


def _times(level: Mapping[str, Any], piece: str) -> str:
    """Where the time of a level's requests went, as its run printed it."""
    stages = as_object(level.get("stages_s"))
    spreads = {
        f"first {piece}": level.get("first_s"),
        f"gap between {piece}s, pooled": level.get("gap_s"),
        f"time per {piece}, per request": level.get("per_piece_s"),
        "end to end": level.get("end_to_end_s"),
        **{f"server: {stage}": times for stage, times in stages.items()},
        f"first {piece}, outside the server": level.get("outside_s"),
    }
    header = [f"{_label(level)}, ms", *_FIGURES]
    return table(
        header,
        [
            [what, *(number(scaled(as_number(dig(times, each)), 1e3)) for each in _FIGURES)]
            for what, times in spreads.items()
            if times
        ],
    )


def _label(level: Mapping[str, Any]) -> str:
    return text(level.get("label")) + (" (invalid)" if level.get("invalid") else "")


def _refused(level: Mapping[str, Any]) -> str:
    statuses = as_object(level.get("statuses"))
    return ", ".join(f"{count} {status}" for status, count in statuses.items() if status != _OK) or "none"
