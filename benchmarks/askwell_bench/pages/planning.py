"""The planner in virtual time: what it foretells of a real server, and what other planners would do."""

from collections.abc import Mapping
from typing import Any

from ..planner.comparison import TOLERANCE
from ..verdict import Verdict
from .markdown import counted, exact, number, percent, table, whole
from .section import Section
from .source import Result, Results, as_number, as_object, dig
from .verdict import verdict_list
from .workload import workload_told

COMMAND = (
    "askwell-bench planner --workload benchmarks/workloads/mixed.toml --real DIR --lanes N --rate RATE "
    "--out benchmarks/results"
)


def planning_section(results: Results) -> Section:
    found = results.like("planner")
    parts = {
        "real": "\n\n".join(_real(each) for each in found if each.object("real")),
        "contest": "\n\n".join(_contest(each) for each in found if _planners(each)),
    }
    return Section(COMMAND, found, parts)


def _real(result: Result) -> str:
    """Predicted before the run, with the cost that the server had fitted by then."""
    header = [
        "policy", "tokens/s predicted", "real", "predicted ÷ real", "with the cost as corrected by the end",
        "end to end p50 predicted, s", "real, s", "p95 predicted, s", "real, s",
    ]  # fmt: skip
    sides = ("predicted", "real")
    rows, verdicts = [], []
    for name, each in result.object("real").items():
        ratio = as_number(dig(each, "throughput_ratio"))
        rows.append(
            [
                name,
                *(number(as_number(dig(each, side, "tokens_per_s"))) for side in sides),
                number(ratio),
                number(as_number(dig(each, "hindsight_ratio"))),
                *(
                    number(as_number(dig(each, side, f"end_to_end_{percentile}_s")))
                    for percentile in ("p50", "p95")
                    for side in sides
                ),
            ]
        )
        criterion = f"{name}: the predicted tokens a second are within {percent(TOLERANCE)} of the real ones"
        holds = dig(each, "holds")
        found = "not measured" if ratio is None else f"{number(ratio)} times as many"
        verdicts.append(Verdict(criterion, found, holds if isinstance(holds, bool) else None))
    return f"{_lead(result)}\n\n{table(header, rows)}\n\n{verdict_list(result, verdicts)}"


def _planners(result: Result) -> dict[str, Mapping[str, Any]]:
    """By name, with what was simulated of each; a search for capacities alone has no more than the names."""
    simulated = result.object("planners")
    names = dict.fromkeys([*simulated, *result.object("capacity_per_s")])
    return {name: as_object(simulated.get(name)) for name in names}


def _contest(result: Result) -> str:
    header = [
        "", "requests/s", "good/s", "good", "first token p95, s", "end to end p95, s", "rows a batch",
        "batches that were cut", "full's goodput ÷ its", "sustains, /s",
    ]  # fmt: skip
    keys = ("requests_per_s", "goodput_per_s")
    rows = []
    for name, each in _planners(result).items():
        rows.append(
            [
                name,
                *(number(as_number(each.get(key))) for key in keys),
                percent(as_number(each.get("good_share"))),
                *(number(as_number(each.get(key))) for key in ("first_p95_s", "end_to_end_p95_s")),
                number(_each_batch(each, "rows")),
                percent(_each_batch(each, "cuts")),
                number(result.number("goodput_ratios", name)),
                number(result.number("capacity_per_s", name)),
            ]
        )
    most = result.number("bound_requests_per_s")
    bound = (
        f"No planner could do more than {number(most)} requests a second: all lanes busy with the least work."
        if most is not None
        else ""
    )
    lead = f"Simulated, means of {counted(result.get('traffic', 'rounds'), 'trace')}. {_lead(result)}"
    return "\n\n".join(part for part in (lead, table(header, rows), bound) if part)


def _each_batch(planner: Mapping[str, Any], key: str) -> float | None:
    count, batches = as_number(planner.get(key)), as_number(planner.get("batches"))
    return count / batches if count is not None and batches else None


def _lead(result: Result) -> str:
    requests, rate = result.number("traffic", "requests"), result.number("traffic", "rate")
    sent = f"{whole(requests)} requests" if requests is not None else "All requests"
    arrivals = f" at {exact(rate)}/s" if rate is not None else ""
    recorded = " of a recorded trace" if result.get("traffic", "trace") else ""
    lanes = result.get("machine", "lanes")
    on = f", {counted(lanes, 'lane')}" if lanes else ""
    return f"{workload_told(result)} {sent}{recorded}{arrivals}{on}.".strip()
