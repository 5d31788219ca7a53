"""What came of one peer: its facts, and round by round what each workload took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from ..result import Measure
from .workload import Request


@dataclass(slots=True)
class Series:
    """One peer's runs of one workload, by number of the round. Latencies count from the due time."""

    seconds: dict[int, float] = field(default_factory=dict)
    middle_s: dict[int, float] = field(default_factory=dict)
    """Median end-to-end latency, by round."""
    new_tokens: int = 0
    first_s: list[float] = field(default_factory=list)
    end_s: list[float] = field(default_factory=list)
    equal_tokens: bool = True

    def add(self, number: int, requests: Sequence[Request], reply: Mapping[str, Any]) -> None:
        """``reply`` to a serve job. Whoever wrote other counts of tokens than asked for is not comparable."""
        answers = reply["answers"]
        ends_s = [answer["end_s"] - r.due_s for r, answer in zip(requests, answers, strict=True)]
        for request, answer in zip(requests, answers, strict=True):
            self.equal_tokens &= answer["counts"] == [request.new_tokens] * request.samples
            if answer["first_s"] is not None:
                self.first_s.append(answer["first_s"] - request.due_s)
        self.seconds[number] = reply["seconds"]
        self.middle_s[number] = median(ends_s)
        self.end_s += ends_s
        self.new_tokens = sum(sum(answer["counts"]) for answer in answers)

    def ratios(self, ours: "Series", *, timed: bool) -> list[float]:
        """This peer's time over Askwell's in the rounds that both finished. ``timed``: requests came at times
        of their own, so the whole takes as long as the last is late, and it is the latencies that compare.
        None where either wrote other counts of tokens than asked for: that is another work."""
        if not (self.equal_tokens and ours.equal_tokens):
            return []
        mine, other = (self.middle_s, ours.middle_s) if timed else (self.seconds, ours.seconds)
        return [mine[number] / other[number] for number in mine if number in other]

    def figures(self, ours: "Series | None", *, timed: bool) -> dict[str, Any]:
        first_ms = _percentiles_ms(self.first_s)
        return {
            "seconds": list(self.seconds.values()),
            "new_tokens": self.new_tokens,
            "tokens_per_s": self.new_tokens / median(self.seconds.values()),
            "first_token_ms": first_ms["p50"] if first_ms else None,
            "ratio": self.ratios(ours, timed=timed) if ours else [],
            "equal_tokens": self.equal_tokens,
            **({"first_ms": first_ms, "end_ms": _percentiles_ms(self.end_s)} if timed else {}),
        }


@dataclass(slots=True)
class Outcome:
    """``absent``: why it took no part, or stopped doing so. What was measured until then is kept."""

    name: str
    variant: str
    absent: str | None = None
    version: str | None = None
    weights: str | None = None
    compute: str | None = None
    threads: int | None = None
    load_s: float | None = None
    memory_mib: float | None = None
    perplexity: float | None = None
    perplexity_tokens: int | None = None
    sample: str | None = None
    series: dict[str, Series] = field(default_factory=dict)

    def figures(self, ours: "Outcome", timed: Mapping[str, bool]) -> dict[str, Any]:
        names = ("name", "variant", "version", "weights", "compute", "threads", "absent", "perplexity",
                 "perplexity_tokens", "load_s", "memory_mib", "sample")  # fmt: skip
        results = {
            name: series.figures(ours.series.get(name), timed=timed[name])
            for name, series in self.series.items()
            if series.seconds
        }
        return {**{name: getattr(self, name) for name in names}, "results": results}

    def measures(self, ours: "Outcome", timed: Mapping[str, bool]) -> list[Measure]:
        """How much longer the peer takes than Askwell, where both wrote what was asked for."""
        made = []
        for name, series in self.series.items():
            other = ours.series.get(name)
            if other is None:
                continue
            if ratios := series.ratios(other, timed=timed[name]):
                title = f"{self.name} {self.variant} {name}"
                made.append(Measure(title, "ratio", "higher", tuple(ratios), relative=True))
        return made


def _percentiles_ms(seconds: Sequence[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    p50, p90 = np.percentile(np.asarray(seconds) * 1e3, [50, 90])
    return {"p50": float(p50), "p90": float(p90)}
