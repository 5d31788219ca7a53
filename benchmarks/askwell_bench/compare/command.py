"""Two results side by side, with confidence intervals from their rounds: is the second worse?

    askwell-bench compare before/overhead.json after/overhead.json
    askwell-bench compare out/load-fixed-closed-a.json out/load-fixed-closed-b.json --ratio 1.02

"Worse" takes two things: the estimate is worse by more than --ratio, and its 95 % confidence interval
excludes no change. Sides of one interleaved run (load --against) are compared round by round; of other
results only the quantities that are ratios themselves are judged, for absolute times of two days compare the
days. Exit code 0: nothing is worse (but look for "unclear"); 1: something is; 2: nothing could be judged, or
a file is broken, or of another benchmark or model.
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..number import positive
from ..result import add_out, finish
from .judge import Judgement, exit_code, judge
from .side import Side, check_comparable, differences, read_side

NAME = "compare"
DEFAULT_RATIO = 1.05


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", type=Path, metavar="A.json", help="the result to hold on to")
    parser.add_argument("second", type=Path, metavar="B.json", help="the result in question")
    parser.add_argument(
        "--ratio",
        type=positive,
        default=DEFAULT_RATIO,
        help="worse by no more than so many times is let pass (default %(default)s)",
    )
    add_out(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.ratio < 1:
        raise ValueError("--ratio is 1 or more: 1.05 lets a loss of 5 % pass")
    return compare(read_side(arguments.first), read_side(arguments.second), arguments.ratio, arguments.out)


def compare(
    first: Side, second: Side, ratio: float = DEFAULT_RATIO, out: Path | None = None, name: str = NAME
) -> int:
    """Judge, print, finish; the exit code. Raises ValueError when the two are not comparable."""
    took_turns = check_comparable(first, second)
    shared = [each for each in first.measures if each in second.measures]
    judgements = [
        judge(first.measures[each], second.measures[each], took_turns=took_turns, limit=ratio)
        for each in shared
    ]
    warnings = differences(first, second)
    for side, other in ((first, second), (second, first)):
        if alone := [each for each in side.measures if each not in other.measures]:
            warnings.append(f"only {side.name} has {', '.join(alone)}")
    _print(first, second, judgements, warnings, ratio, took_turns)
    code = exit_code(judgements)
    figures = {
        "first": _identity(first),
        "second": _identity(second),
        "took_turns": took_turns,
        "ratio_limit": ratio,
        "warnings": warnings,
        "worse": [each.name for each in judgements if each.verdict == "worse"],
        "unclear": [each.name for each in judgements if each.verdict == "unclear"],
        "judgements": [asdict(each) for each in judgements],
    }
    finish(NAME, figures, out, name=name)
    if code == 2:
        raise ValueError("nothing could be judged; the last column says why")
    return code


def _print(
    first: Side,
    second: Side,
    judgements: list[Judgement],
    warnings: list[str],
    ratio: float,
    took_turns: bool,
) -> None:
    print(f"first:  {first.title}\nsecond: {second.title}")
    for line in warnings:
        print(f"  WARNING: {line}")
    width = max(26, *(len(_label(each)) for each in judgements))
    print(f"\n  {'':<{width}}{'first':>12}{'second':>12}{'change':>10}{'95 % interval':>22}  rounds  verdict")
    for each in judgements:
        change, (first_rounds, second_rounds) = _change(each), each.rounds
        rounds = str(first_rounds) if first_rounds == second_rounds else f"{first_rounds}+{second_rounds}"
        print(
            f"  {_label(each):<{width}}{each.first:>12.5g}{each.second:>12.5g}{change:>10}"
            f"{_interval(each):>22}  {rounds:>6}  {each.verdict or each.unjudged}"
        )
    told = {
        "worse": f"worse: by more than {ratio:g} times, and the interval excludes no change",
        "held": f"held: the whole interval is better than a loss of {ratio:g} times",
        "unclear": "unclear: the interval is too wide to tell; take more rounds",
    }
    for verdict, line in told.items():
        if any(each.verdict == verdict for each in judgements):
            print(f"  {line}")
    if not took_turns and any(each.interval for each in judgements):
        print(
            "  unpaired: these intervals are too narrow, for rounds of one process start share its luck\n"
            "  (memory layout, neighbours on the host); load --against is what justifies a verdict"
        )


def _label(judgement: Judgement) -> str:
    return f"{judgement.name} ({judgement.better} is better)"


def _change(judgement: Judgement) -> str:
    return f"x {judgement.change:.3f}" if judgement.kind == "ratio" else f"{judgement.change:+.3g}"


def _interval(judgement: Judgement) -> str:
    if judgement.interval is None:
        return "-"
    form = ".3f" if judgement.kind == "ratio" else "+.3g"
    return " to ".join(format(each, form) for each in judgement.interval)


def _identity(side: Side) -> dict[str, Any]:
    told = side.told
    return {
        "name": side.name,
        "date": told.get("date"),
        "model": side.model.get("name"),
        "pairing": side.pairing,
        "server_flags": told.get("server_flags"),
    }
