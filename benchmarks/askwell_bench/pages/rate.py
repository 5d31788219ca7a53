"""The rates at which requests keep their limits: sustained, and at best, against other ways to plan."""

from collections.abc import Mapping
from typing import Any

from .markdown import NONE, listed, number, percent, table, whole
from .section import Section
from .source import Result, Results, as_number, as_object, dig, numbers
from .verdict import verdict_list, verdicts_of
from .workload import workload_told

CAPACITY = (
    "askwell-bench capacity --model DIR --workload benchmarks/workloads/interviews.toml "
    "--out benchmarks/results"
)
GOODPUT = (
    "askwell-bench goodput --model DIR --workload benchmarks/workloads/mixed.toml --out benchmarks/results"
)


def capacity_section(results: Results) -> Section:
    found = results.like("capacity-")
    return Section(CAPACITY, found, {"runs": "\n\n".join(map(_capacity, found))})


def goodput_section(results: Results) -> Section:
    found = results.like("goodput-")
    return Section(GOODPUT, found, {"runs": "\n\n".join(map(_goodput, found))})


def variants_of(result: Result) -> dict[str, Mapping[str, Any]]:
    """By name: the baseline first, last the one that is judged."""
    return {name: as_object(each) for name, each in result.object("variants").items()}


def times_as_much(result: Result) -> dict[str, str]:
    """How many times another variant's rate the judged one sustains, by the other's name; bounds say so."""
    told = {}
    for name, each in result.object("ratios").items():
        ratio = as_number(dig(each, "ratio"))
        if ratio is not None:
            told[name] = f"{dig(each, 'bound') or ''} {number(ratio)}".strip()
    return told


def _capacity(result: Result) -> str:
    variants = variants_of(result)
    judged = next(reversed(variants), "")
    ratios, times = times_as_much(result), result.object("at_80_percent")
    rates = sorted({number(as_number(dig(each, "rate"))) for each in times.values()})
    header = [
        "", "flags", "sustains, /s", "fails at, /s", f"{judged} ÷ it", f"p95 at {listed(rates)}/s, s",
    ]  # fmt: skip
    rows = [
        [
            name,
            _flags(each),
            _sustained(each),
            number(as_number(each.get("failed_per_s"))),
            ratios.get(name, NONE),
            _p95(times.get(name)),
        ]
        for name, each in variants.items()
    ]
    share, requests = percent(result.number("workload", "share")), whole(result.number("requests"))
    lead = f"{workload_told(result)} A rate is sustained when {share} of {requests} requests are good."
    return _joined(lead, table(header, rows), verdict_list(result, verdicts_of(result)))


def _sustained(variant: Mapping[str, Any]) -> str:
    """A rate that passed, and what it does not prove."""
    passed = as_number(variant.get("sustained_per_s"))
    if passed is None:
        return NONE
    if variant.get("overrated"):
        return f"{number(passed)}, overrated"
    return number(passed) + (" or more" if variant.get("failed_per_s") is None else "")


def _p95(trial: Any) -> str:
    """Of all requests: who failed took for ever."""
    if not isinstance(trial, Mapping):
        return NONE
    time_s = as_number(trial.get("end_to_end_p95_s"))
    return "for ever" if time_s is None else number(time_s)


def _goodput(result: Result) -> str:
    variants = variants_of(result)
    by_round = _rounds(result.get("measures", "goodput_ratio", "values"))
    rows = [
        [name, _flags(each), _rounds(each.get("best_goodput_per_s")), _rounds(each.get("best_at_per_s"))]
        for name, each in variants.items()
    ]
    header = ["", "flags", "best goodput by round, requests/s", "sent then, /s"]
    ratio, sides = result.number("goodput_ratio"), list(variants)
    told = (
        f"In turn: {sides[-1]} has {number(ratio)} times the goodput of {sides[0]}; by round {by_round}."
        if ratio is not None and sides
        else ""
    )
    lead = f"{workload_told(result)} {whole(result.number('requests'))} requests at each rate."
    return _joined(lead, table(header, rows), told, verdict_list(result, verdicts_of(result)))


def _flags(variant: Mapping[str, Any]) -> str:
    return f"`{variant['flags']}`" if variant.get("flags") else "none"


def _rounds(values: Any) -> str:
    return ", ".join(number(each) for each in numbers(values or [])) or NONE


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
