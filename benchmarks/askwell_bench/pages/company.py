"""Whether requests in company get what each gets alone: at float32, and at int8 where it is asked for."""

from collections import Counter

from ..integrity.command import MEAN_KL_LIMIT
from ..verdict import Verdict
from .markdown import NONE, exact, number, percent, span, table, whole
from .section import Section
from .source import Result, Results, as_number, numbers
from .verdict import verdict_list

INTEGRITY = "askwell-bench integrity --model FLOAT32_DIR --out benchmarks/results"
REPRODUCIBLE = "askwell-bench integrity --model INT8_DIR --out benchmarks/results"

_COUNTS = {
    "requests": "requests",
    "equal": "equal to what each returns alone",
    "near": "parted where two tokens were as good as equal",
    "different": "different",
    "failed": "failed",
    "left": "samples left by their callers",
    "tokens": "tokens",
    "largest_batch": "largest batch",
    "with_company": "in company",
    "with_prefix": "with a shared prefix",
    "with_forced_tokens": "with forced tokens",
    "in_several_batches": "in several batches",
}


def integrity_section(results: Results) -> Section:
    found = results.like("integrity")
    counts = {label: [whole(each.number(key)) for each in found] for key, label in _COUNTS.items()}
    rows = [[label, *cells] for label, cells in counts.items() if any(cell != NONE for cell in cells)]
    parts = {
        "table": table(["", *(each.name for each in found)], rows),
        "verdicts": "\n\n".join(map(_judged, found)),
    }
    return Section(INTEGRITY, found, parts)


def integrity_verdicts(result: Result) -> list[Verdict]:
    requests, equal, near = (result.number(key) for key in ("requests", "equal", "near"))
    criterion = "every request gets what it gets alone, or parts from it only between tokens as good as equal"
    if requests is None or equal is None:
        return [Verdict(criterion, "not measured", None)]
    same = equal + (near or 0)
    return [Verdict(criterion, f"{whole(same)} of {whole(requests)}", same == requests)]


def _judged(result: Result) -> str:
    """With what the requests asked for, and what was wrong with those that were."""
    options = [f"{name} {whole(as_number(n))}" for name, n in result.object("asked_for").items()]
    gap = result.number("largest_gap")
    reasons = Counter(str(each.get("why")) for each in result.rows("wrong"))
    parts = (
        f"Asked for, each so often: {', '.join(options)}." if options else "",
        f"Where answers parted the two logits were {number(gap)} apart at most." if gap else "",
        verdict_list(result, integrity_verdicts(result)),
        "\n".join(f"- Wrong: {count} × {why}." for why, count in reasons.most_common()),
    )
    return "\n\n".join(part for part in parts if part)


def reproducible_section(results: Results) -> Section:
    found = results.like("reproducible-")
    header = [
        "", "asked to be reproducible", "equal to alone", "did not ask", "equal to alone",
        "throughput with it ÷ without", "by round",
    ]  # fmt: skip
    keys = ("reproducible", "reproducible_equal", "others", "others_equal")
    rows = [
        [
            each.name,
            *(whole(each.number(key)) for key in keys),
            number(each.number("throughput_ratio")),
            _rounds(each),
        ]
        for each in found
    ]
    distributions = [
        [
            each.name,
            whole(each.number("distributions", "steps")),
            *(number(each.number("distributions", key)) for key in ("mean_kl", "p99_kl", "max_kl")),
            percent(each.number("distributions", "same_top1")),
        ]
        for each in found
        if each.object("distributions")
    ]
    spread = ["", "steps", "mean KL, nats", "p99", "greatest", "same likeliest token"]
    parts = {
        "table": table(header, rows),
        "distributions": table(spread, distributions),
        "verdicts": "\n\n".join(verdict_list(each, reproducible_verdicts(each)) for each in found),
    }
    return Section(REPRODUCIBLE, found, parts)


def reproducible_verdicts(result: Result) -> list[Verdict]:
    asked, equal = result.number("reproducible"), result.number("reproducible_equal")
    divergence = result.number("distributions", "mean_kl")
    exactly = "who asks to be reproducible gets in company what it gets alone"
    limit = exact(MEAN_KL_LIMIT)
    nearly = f"a batch's next-token distributions are {limit} nats from a row's alone at most, on average"
    return [
        Verdict(
            exactly,
            f"{whole(equal)} of {whole(asked)}",
            None if asked is None or equal is None else equal == asked,
        ),
        Verdict(
            nearly,
            "not measured" if divergence is None else f"{number(divergence)} nats",
            None if divergence is None else divergence <= MEAN_KL_LIMIT,
        ),
    ]


def _rounds(result: Result) -> str:
    """The least and the greatest."""
    return span(numbers(result.get("measures", "reproducible_throughput", "values") or []), 3)
