"""The README's rows about the engine's promises; each says what it missed."""

from collections.abc import Iterator

from .company import integrity_verdicts
from .endurance import ends_told, kill_verdicts, slowest_s
from .markdown import counted, listed, number, percent, scaled, whole
from .pressure import flood_ratio, missed_told
from .rate import times_as_much, variants_of
from .source import Result, Results, as_number
from .verdict import shortfall, verdicts_of
from .workload import limits_told

_ARRIVALS = {"interviews": "Question sets", "sets": "Question sets", "mixed": "Requests of mixed lengths"}


def promise_rows(results: Results) -> Iterator[tuple[Result, tuple[str, str]]]:
    """With the file that each is from: of several workloads the first, for the table stays short."""
    makers = {
        "capacity-": _capacity,
        "goodput-": _goodput,
        "overload": _overload,
        "tenants": _tenants,
        "kills": _kills,
        "integrity": _integrity,
    }
    for beginning, row in makers.items():
        if result := next(iter(results.like(beginning)), None):
            yield result, row(result)


def _capacity(result: Result) -> tuple[str, str]:
    variants = variants_of(result)
    judged = variants[next(reversed(variants))] if variants else {}
    ratios = [f"{ratio} × {name}'s" for name, ratio in times_as_much(result).items()]
    what = _ARRIVALS.get(str(result.get("workload", "kind")), "Requests")
    limits = listed(limits_told(result, "the first token", "the end"))
    share = percent(result.number("workload", "share"))
    figure = ", ".join([number(as_number(judged.get("sustained_per_s"))), *ratios])
    goals = shortfall(result, verdicts_of(result))
    return f"{what} a second that keep {limits} ({share} of them)", figure + goals


def _goodput(result: Result) -> tuple[str, str]:
    baseline = next(iter(variants_of(result).values()), {})
    what = _ARRIVALS.get(str(result.get("workload", "kind")), "Requests")
    against = f"`{baseline['flags']}`" if baseline.get("flags") else "the default"
    figure = number(result.number("goodput_ratio")) + shortfall(result, verdicts_of(result))
    return f"{what}: goodput ÷ that of the same server with {against}", figure


def _overload(result: Result) -> tuple[str, str]:
    kept, refused_ms = result.number("goodput_kept"), scaled(result.number("refused_p90_s"), 1e3)
    told = [
        f"{percent(kept)} of peak goodput kept",
        f"refusals after {number(refused_ms, 2)} ms (p90)",
        f"of {whole(result.number('admitted'))} admitted {missed_told(result)}",
    ]
    return "Twice the load that is sustained", ", ".join(told) + shortfall(result, verdicts_of(result))


def _tenants(result: Result) -> tuple[str, str]:
    p99, ratio = number(result.number("flood_p99_s"), 2), number(flood_ratio(result))
    goals = shortfall(result, verdicts_of(result))
    return "One tenant floods: another's p99", f"{p99} s, {ratio} × that beside a fair share{goals}"


def _kills(result: Result) -> tuple[str, str]:
    load = number(result.number("load_s"), 2)
    service = f"tokens again after {slowest_s(result)} at most (loading takes {load} s)"
    goals = shortfall(result, kill_verdicts(result))
    kills = counted(len(result.rows("kills")), "kill")
    return f"{kills} of the engine under load", f"{service}; requests: {ends_told(result)}{goals}"


def _integrity(result: Result) -> tuple[str, str]:
    near, requests = result.number("near"), whole(result.number("requests"))
    told = f"{whole(result.number('equal'))} equal what they return alone"
    told += f", {whole(near)} part where two tokens are as good as equal" if near else ""
    goals = shortfall(result, integrity_verdicts(result))
    return f"{requests} concurrent greedy requests of mixed options, float32", told + goals
