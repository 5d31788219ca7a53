"""What int8 costs the model's mind, and what a shared prefix adds to that."""

from .machine import emulated
from .markdown import number, percent, table, whole
from .section import Section
from .source import Result, Results

FIDELITY = (
    "askwell-bench fidelity --model DIR --reference FLOAT32_DIR --text FILE... --out benchmarks/results"
)
PREFIX = "askwell-bench prefix-split --model DIR --text FILE... --out benchmarks/results"


def fidelity_section(results: Results) -> Section:
    found = results.like("fidelity")
    header = [
        "weight range", "computed", "perplexity", "in float32", "ratio", "mean KL, nats",
        "same likeliest token", "tokens",
    ]  # fmt: skip
    rows = [
        [
            f"±{weight_range(each)}" if weight_range(each) else each.name,
            "as without VNNI (AVX2, emulated)" if emulated(each) else "as on this CPU",
            *(
                number(each.number(key), 4)
                for key in ("perplexity", "perplexity_reference", "perplexity_ratio")
            ),
            number(each.number("mean_kl")),
            percent(each.number("same_top1")),
            whole(each.number("tokens")),
        ]
        for each in found
    ]
    return Section(FIDELITY, found, {"table": table(header, rows)})


def weight_range(result: Result) -> int | None:
    told = result.get("model", "weight_range")
    return told if isinstance(told, int) else None


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
