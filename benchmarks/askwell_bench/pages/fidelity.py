"""What int8 costs the model's mind, and what a shared prefix adds to that."""

from askwell_convert.calibration.steps import STEPS

from .machine import emulated
from .markdown import number, percent, table, whole
from .section import Section
from .source import Result, Results, as_number

FIDELITY = (
    "askwell-bench fidelity --model DIR --reference FLOAT32_DIR --text FILE... --out benchmarks/results"
)
PREFIX = "askwell-bench prefix-split --model DIR --text FILE... --out benchmarks/results"


def fidelity_section(results: Results) -> Section:
    found = results.like("fidelity")
    header = [
        "weight range", "calibrated", "computed", "perplexity", "in float32", "ratio", "95%",
        "mean KL, nats", "95%", "same likeliest token", "95%", "tokens",
    ]  # fmt: skip
    rows = [
        [
            f"±{weight_range(each)}" if weight_range(each) else each.name,
            calibrated(each) or "no",
            "as without VNNI (AVX2, emulated)" if emulated(each) else "as on this CPU",
            *(
                number(each.number(key), 4)
                for key in ("perplexity", "perplexity_reference", "perplexity_ratio")
            ),
            _interval(each, "perplexity_ratio"),
            number(each.number("mean_kl")),
            _interval(each, "mean_kl"),
            percent(each.number("same_top1")),
            _interval(each, "same_top1"),
            whole(each.number("tokens")),
        ]
        for each in sorted(found, key=lambda each: -(each.number("mean_kl") or 0.0))
    ]
    return Section(FIDELITY, found, {"table": table(header, rows)})


def weight_range(result: Result) -> int | None:
    told = result.get("model", "weight_range")
    return told if isinstance(told, int) else None


def calibrated(result: Result) -> str | None:
    """The steps of its calibration in words; None for a model that was not calibrated."""
    steps = result.get("calibration", "steps")
    if not isinstance(steps, list):
        return None
    left_out = [each for each in STEPS if each not in steps]
    return f"without {' and '.join(left_out)}" if left_out else "yes"


def _interval(result: Result, key: str) -> str:
    found = result.get(f"{key}_interval")
    if not isinstance(found, list) or len(found) != 2:
        return ""
    return " to ".join(number(as_number(each), 4) for each in found)


def prefix_section(results: Results) -> Section:
    found = results.like("prefix-split")
    header = ["", "computed", "prompts", "mean KL, nats", "greatest", "same likeliest token"]
    rows = [
        [
            each.name,
            "as without VNNI (AVX2, emulated)" if emulated(each) else "as on this CPU",
            whole(each.number("prompts")),
            *(number(each.number(key)) for key in ("mean_kl", "max_kl")),
            percent(each.number("same_top1")),
        ]
        for each in found
    ]
    return Section(PREFIX, found, {"table": table(header, rows)})
