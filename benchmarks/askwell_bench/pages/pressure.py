"""More than a server can do: what it keeps of its goodput, and what a tenant that floods does to another."""

from .markdown import NONE, counted, exact, number, percent, scaled, table, text, whole
from .section import Section
from .source import Result, Results, as_number, dig, numbers
from .verdict import verdict_list, verdicts_of
from .workload import workload_told

OVERLOAD = (
    "askwell-bench overload --model DIR --workload benchmarks/workloads/overload.toml "
    "--out benchmarks/results"
)
TENANTS = (
    "askwell-bench tenants --model DIR --workload benchmarks/workloads/tenants.toml --out benchmarks/results"
)
_REFUSED = "RESOURCE_EXHAUSTED"


def overload_section(results: Results) -> Section:
    result = results.one("overload")
    return Section(OVERLOAD, (result,), {"run": _overload(result)}) if result else Section(OVERLOAD, ())


def tenants_section(results: Results) -> Section:
    result = results.one("tenants")
    return Section(TENANTS, (result,), {"run": _tenants(result)}) if result else Section(TENANTS, ())


def _overload(result: Result) -> str:
    header = [
        "round", "sustained, /s", "peak goodput, /s", "then sent, /s", "requests", "refused", "goodput, /s",
        "kept of the peak",
    ]  # fmt: skip
    rows = []
    for place, each in enumerate(result.rows("rounds"), start=1):
        above = {key: as_number(dig(each, "above", key)) for key in ("rate", "sent", "goodput_per_s")}
        refused = as_number(dig(each, "above", "statuses", _REFUSED))
        rows.append(
            [
                str(place),
                *(number(as_number(each.get(key))) for key in ("sustained_per_s", "peak_per_s")),
                number(above["rate"]),
                whole(above["sent"]),
                whole(refused or 0),
                number(above["goodput_per_s"]),
                percent(as_number(each.get("kept"))),
            ]
        )
    share = percent(result.number("workload", "share"))
    lead = f"{_lead(result)} A rate is sustained when {share} of the requests are good."
    parts = (lead, table(header, rows), _refusals(result), verdict_list(result, verdicts_of(result)))
    return "\n\n".join(part for part in parts if part)


def _refusals(result: Result) -> str:
    refused, admitted = result.number("refusals"), result.number("admitted")
    if refused is None or admitted is None:
        return ""
    p50, p90 = (number(scaled(result.number(f"refused_{each}_s"), 1e3)) for each in ("p50", "p90"))
    within = f", in {p50} ms (p50) and {p90} ms (p90)" if refused else ""
    return (
        f"Of {whole(refused + admitted)} requests at those rates {whole(refused)} were refused{within}; of "
        f"the {whole(admitted)} admitted, {missed_told(result)}."
    )


def missed_told(result: Result) -> str:
    """Admitted, and without a whole result at the deadline."""
    deadline = exact(result.number("deadline_s"))
    return f"{whole(result.number('missed'))} missed their deadline of {deadline} s"


def _tenants(result: Result) -> str:
    flood = result.number("flood")
    sides = {"fair": "its fair share", "flood": f"{whole(flood)} requests under way at all times"}
    rows = [
        [
            label,
            whole(result.number("b_requests", side)),
            whole(sum(numbers(result.get("a_requests", side) or []))),
            number(result.number(f"{side}_p99_s")),
        ]
        for side, label in sides.items()
    ]
    header = ["A has", "requests of B", "of A, ended", "B's p99, end to end, s"]
    own, longest, bound = (result.number(f"{key}_s") for key in ("full_batch", "longest_batch", "bound"))
    told = (
        f"The bound is {number(bound)} s: B's own time in a full batch, {number(own)} s, and A's longest, "
        f"{number(longest)} s."
        if bound is not None
        else ""
    )
    parts = (_lead(result), table(header, rows), told, verdict_list(result, verdicts_of(result)))
    return "\n\n".join(part for part in parts if part)


def flood_ratio(result: Result) -> float | None:
    """B's p99 in the flood through that beside A's fair share."""
    fair_s, flood_s = (result.number(f"{side}_p99_s") for side in ("fair", "flood"))
    return flood_s / fair_s if fair_s and flood_s is not None else None


def _lead(result: Result) -> str:
    flags = text(result.get("server_flags"))
    server = "" if flags == NONE else f" Server: `{flags}`."
    rounds = numbers(result.get("rounds")) or [len(result.rows("rounds"))]
    seconds = exact(result.number("seconds"))
    told = f"{counted(round(rounds[0]), 'round')} of {seconds} s of arrivals a run."
    return f"{workload_told(result)} {told}{server}"
