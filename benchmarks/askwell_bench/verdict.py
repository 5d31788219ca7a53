"""What a benchmark was to show, and whether it did: one line each."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """``held`` None: too little was measured to tell."""

    criterion: str
    found: str
    held: bool | None

    @property
    def line(self) -> str:
        word = {True: "PASS", False: "FAIL", None: "UNKNOWN"}[self.held]
        return f"{word}: {self.criterion}: {self.found}"


def at_least(criterion: str, value: float | None, least: float, unit: str = "") -> Verdict:
    found = "not measured" if value is None else f"{value:.3g}{unit}"
    return Verdict(f"{criterion} at least {least:g}{unit}", found, None if value is None else value >= least)


def at_most(criterion: str, value: float | None, most: float, unit: str = "") -> Verdict:
    found = "not measured" if value is None else f"{value:.3g}{unit}"
    return Verdict(f"{criterion} at most {most:.4g}{unit}", found, None if value is None else value <= most)


def print_verdicts(verdicts: Sequence[Verdict]) -> None:
    print()
    for each in verdicts:
        print(each.line)


def verdict_facts(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """What a result holds of them."""
    return {"verdicts": [asdict(each) for each in verdicts], "held": all(each.held for each in verdicts)}
