"""What a search for capacities has found so far, and what it proves. Pure: the runs are given to it."""

from collections.abc import Sequence
from typing import Any

from ..load.trial import Trial
from ..load.variant import Variant
from ..load.workload_file import WorkloadFile
from ..result import Measure
from ..verdict import Verdict
from .search import Search


class Outcome:
    """Grows run by run. The first variant is the baseline, the last is judged; ``least`` holds, by name, what
    each but the last must be beaten by."""

    def __init__(
        self, file: WorkloadFile, variants: Sequence[Variant], least: Sequence[float], requests: int
    ) -> None:
        self.file = file
        self.variants = tuple(variants)
        self.least = dict(zip([each.name for each in variants[:-1]], least, strict=True))
        self.requests = requests
        self.searches: dict[str, Search] = {}
        self.at_80: dict[str, Trial] = {}
        self.trials: list[Trial] = []

    @property
    def baseline(self) -> str:
        return self.variants[0].name

    @property
    def judged(self) -> str:
        return self.variants[-1].name

    @property
    def sustained(self) -> float | None:
        """The judged variant's capacity, once a higher rate has failed."""
        search = self.searches.get(self.judged)
        return search.capacity if search and search.over else None

    @property
    def invalid(self) -> list[str]:
        """The runs in which the generator itself was too slow."""
        return [line for each in self.trials for line in each.invalid]

    def bounds(self, name: str) -> tuple[float | None, float | None]:
        """Of a variant's capacity: the highest rate that it sustained, the lowest that it did not. Runs of
        fewer requests bound it from above only, which is what overrating means."""
        own = [each for each in self.trials if each.variant == name and each is not self.at_80.get(name)]
        allowed = self.file.allowed(self.requests)
        passed = [each.rate for each in own if not each.gave_up and each.missed <= allowed]
        failed = [each.rate for each in own if each.gave_up or each.missed > allowed]
        return max(passed, default=None), min(failed, default=None)

    def ratio(self, name: str) -> tuple[float | None, str]:
        """How many times another's capacity the judged one's is, and whether that is a bound ("at least",
        "at most") or not (""). A rate that failed proves, an overrated one that passed does not."""
        passed, failed = self.bounds(name)
        if self.sustained is None or passed is failed is None:
            return None, ""
        if failed is not None and (passed is None or self._overrated(name)):
            return self.sustained / failed, "at least"
        assert passed is not None
        return self.sustained / passed, "at most" if failed is None else ""

    def verdicts(self) -> list[Verdict]:
        found = [self._beaten(name, least) for name, least in self.least.items()]
        sides = [self.at_80.get(self.baseline), self.at_80.get(self.judged)]
        criterion = (
            f"{self.judged}'s p95 is lower than {self.baseline}'s at 80 % of {self.baseline}'s capacity"
        )
        before, after = (each.within_s(95) if each else None for each in sides)
        if not all(sides):
            return [*found, Verdict(criterion, "not measured", None)]
        told = " against ".join("for ever" if each is None else f"{each:.2f} s" for each in (after, before))
        held = after is not None and (before is None or after < before)
        return [*found, Verdict(criterion, told, held)]

    def figures(self) -> dict[str, Any]:
        ratios = {name: self.ratio(name) for name in self.least}
        return {
            "workload": self.file.facts(),
            "requests": self.requests,
            "variants": {
                each.name: {
                    "flags": each.flags,
                    "sustained_per_s": self.bounds(each.name)[0],
                    "failed_per_s": self.bounds(each.name)[1],
                    "overrated": self._overrated(each.name),
                }
                for each in self.variants
            },
            "ratios": {
                name: {"ratio": ratio, "bound": bound, "required": self.least[name]}
                for name, (ratio, bound) in ratios.items()
            },
            "at_80_percent": {name: each.facts() for name, each in self.at_80.items()},
            "runs": [each.facts() for each in self.trials],
        }

    def measures(self) -> list[Measure]:
        """Ratios of runs that took turns; a bound counts as what it proves."""
        found = []
        for name in self.least:
            value, _ = self.ratio(name)
            if value is not None:
                found.append(Measure(f"capacity_over_{name}", "ratio", "higher", (value,), relative=True))
        times_s = [each.within_s(95) if each else None for each in map(self.at_80.get, self._ends)]
        before, after = times_s
        if before and after:
            found.append(Measure("p95_at_80_percent", "ratio", "lower", (after / before,), relative=True))
        return found

    def print_table(self) -> None:
        print(f"\n  {'variant':<16}{'sustained/s':>14}{'failed at/s':>14}{self.judged + ' is':>18}  flags")
        for each in self.variants:
            passed, failed = self.bounds(each.name)
            cells = ["-" if rate is None else f"{rate:.3f}" for rate in (passed, failed)]
            ratio, bound = self.ratio(each.name) if each.name in self.least else (None, "")
            cells.append("" if ratio is None else f"{bound} {ratio:.2f} x".strip())
            print(f"  {each.name:<16}{cells[0]:>14}{cells[1]:>14}{cells[2]:>18}  {each.flags}")
        limits = self.file.limits
        print(
            f"  sustained: {self.file.share:.0%} of {self.requests} requests had their first token within "
            f"{limits.first_s:g} s and their end within {limits.end_to_end_s:g} s"
        )

    @property
    def _ends(self) -> tuple[str, str]:
        return self.baseline, self.judged

    def _overrated(self, name: str) -> bool:
        """Whether the highest rate that passed did so with fewer requests than a whole run has."""
        passed, _ = self.bounds(name)
        return any(
            each.variant == name and each.rate == passed and each.asked < self.requests
            for each in self.trials
            if each is not self.at_80.get(name)
        )

    def _beaten(self, name: str, least: float) -> Verdict:
        criterion = f"{self.judged} sustains at least {least:g} x the rate of {name}"
        ratio, bound = self.ratio(name)
        if ratio is None or self.sustained is None:
            return Verdict(criterion, "not measured", None)
        passed, failed = self.bounds(name)
        limit = self.sustained / least
        held = None
        if failed is not None and failed <= limit * (1 + 1e-9) and (passed is None or self._overrated(name)):
            held = True  # fewer requests that passed at a higher rate disprove nothing
        elif passed is not None and passed >= limit * (1 - 1e-9):
            held = False
        elif failed is not None and failed <= limit * (1 + 1e-9):
            held = True
        return Verdict(criterion, f"{bound} {ratio:.3g} x".strip(), held)
