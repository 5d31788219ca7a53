"""What was to hold, and whether it did: what failed is told as plainly as what held."""

from collections.abc import Sequence

from ..verdict import Verdict
from .markdown import counted, table
from .source import Result

_WORDS = {True: "Held", False: "Did not hold", None: "Too little measured to tell"}


def verdicts_of(result: Result) -> list[Verdict]:
    """As the run itself noted them."""
    return [
        Verdict(
            str(each.get("criterion")),
            str(each.get("found")),
            held if isinstance(held := each.get("held"), bool) else None,
        )
        for each in result.rows("verdicts")
    ]


def verdict_list(result: Result, verdicts: Sequence[Verdict]) -> str:
    """A line each, and one for every run in which the load generator was too slow."""
    lines = [f"- **{_WORDS[each.held]}:** {each.criterion}: {each.found}." for each in verdicts]
    return "\n".join(lines + [f"- **Invalid:** {run}." for run in _invalid(result)])


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """A row each, for where there are many. What did not hold stands out."""
    words = {held: word if held else f"**{word}**" for held, word in _WORDS.items()}
    return table(["goal", "found", ""], [[each.criterion, each.found, words[each.held]] for each in verdicts])


def shortfall(result: Result, verdicts: Sequence[Verdict]) -> str:
    """For the README: nothing where all held, else how much did not."""
    missed, unknown = (sum(each.held is held for each in verdicts) for held in (False, None))
    of, invalid = f"of {counted(len(verdicts), 'goal')}", len(_invalid(result))
    told = (
        f"**{missed} {of} missed**" if missed else "",
        f"{unknown} {of} not judged" if unknown else "",
        f"**{counted(invalid, 'invalid run')}**" if invalid else "",
    )
    return "".join(f"; {each}" for each in told if each)


def _invalid(result: Result) -> list[str]:
    runs = result.get("invalid_runs")
    return [str(each) for each in runs] if isinstance(runs, list) else []
