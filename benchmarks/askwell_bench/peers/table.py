"""The figures for a person: a line for each peer and workload, and a line for each that is absent."""

from collections.abc import Mapping
from statistics import median
from typing import Any


def print_table(figures: Mapping[str, Any]) -> None:
    for name, facts in figures["workloads"].items():
        samples = f" x {facts['samples']} texts" if facts["samples"] > 1 else ""
        lengths = f"{facts['prompt_tokens']} + {facts['new_tokens']} tokens"
        print(f"\n{name}: {facts['requests']} requests{samples}, {lengths}")
        print(f"  ratio of {facts['ratio_of']}, the peer's over Askwell's: above 1 Askwell is faster")
        print(f"  {'':<46}{'s':>9}{'tokens/s':>10}{'first ms':>10}{'ratio':>8}{'perplexity':>12}")
        for peer in figures["peers"]:
            if found := peer["results"].get(name):
                print(f"  {_title(peer):<46}{_row(found, peer['perplexity'])}")
    print()
    for peer in figures["peers"]:
        if peer["absent"]:
            print(f"  absent: {_title(peer)}: {peer['absent']}")


def _row(found: Mapping[str, Any], perplexity: float | None) -> str:
    first_ms, ratio = found["first_token_ms"], found["ratio"]
    return (
        f"{median(found['seconds']):>9.2f}{found['tokens_per_s']:>10.1f}"
        f"{'-' if first_ms is None else format(first_ms, '.0f'):>10}"
        f"{format(median(ratio), '.2f') if ratio else '-':>8}"
        f"{'-' if perplexity is None else format(perplexity, '.2f'):>12}"
        f"{'' if found['equal_tokens'] else '  other counts of tokens: not comparable'}"
    )


def _title(peer: Mapping[str, Any]) -> str:
    return f"{peer['name']} ({peer['variant']})"
