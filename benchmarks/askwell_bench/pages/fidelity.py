"""What int8 costs the model's mind, and that batching costs it nothing else."""

from .machine import emulated
from .markdown import NONE, number, percent, table, text, whole
from .section import Section
from .source import Result, Results

FIDELITY = (
    "askwell-bench fidelity --model DIR --reference FLOAT32_DIR --text FILE... --out benchmarks/results"
)
PREFIX = "askwell-bench prefix-split --model DIR --text FILE... --out benchmarks/results"
INTEGRITY = "askwell-bench integrity --model FLOAT32_DIR --out benchmarks/results"


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


def integrity_section(results: Results) -> Section:
    found = results.like("integrity")
    header = [
        "", "requests", "equal to what each returns alone", "tokens", "largest batch", "with a shared prefix",
        "with forced tokens",
    ]  # fmt: skip
    keys = ("requests", "equal", "tokens", "largest_batch", "with_prefix", "with_forced_tokens")
    rows = [[each.name, *(_count(each, key) for key in keys)] for each in found]
    return Section(INTEGRITY, found, {"table": table(header, rows)})


def _count(result: Result, key: str) -> str:
    value = result.number(key)
    return whole(value) if value is not None else text(result.get(key)) or NONE
