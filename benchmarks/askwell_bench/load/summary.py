"""What a run's records add up to. The definitions are those of vLLM's ``bench serve``, with one difference:
times count from when a request was due, not from when it was sent.

Latencies are of requests that ended OK. Rates divide by the time from the first arrival to the last end.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from .record import OK, Record

LAG_FLOOR_S, LAG_CEILING_S = 0.010, 0.050
LAG_SHARE = 0.1
CPU_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds. A figure is None when there are too few values for it."""

    count: int
    mean: float | None
    p50: float | None
    p90: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request must keep to count as good. None: any time will do."""

    first_s: float | None = None
    end_to_end_s: float | None = None

    def kept_by(self, record: Record) -> bool:
        """Only by a request that ended OK."""
        first = record.first_s
        return (
            record.ok
            and (self.first_s is None or (first is not None and first <= self.first_s))
            and (self.end_to_end_s is None or record.end_to_end_s <= self.end_to_end_s)
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """One level of load. ``pieces`` are tokens, or the questions of question sets, and who wrote those."""

    requests: int
    statuses: Mapping[str, int]
    duration_s: float
    requests_per_s: float
    tokens_per_s: float
    goodput_per_s: float | None
    first_s: Spread
    gap_s: Spread
    per_piece_s: Spread
    end_to_end_s: Spread
    stages_s: Mapping[str, Spread]
    outside_s: Spread
    pieces_per_message: float | None
    batch_rows: float | None
    prefix_tokens: int
    forced_tokens: int
    ended_early: int
    model_questions: int
    bank_questions: int
    send_lag_s: float
    loop_lag_s: float
    lag_bound_s: float
    generator_cores: float

    @property
    def ok_share(self) -> float:
        """Of all requests. Who refuses half is quick with the others."""
        return self.statuses.get(OK, 0) / self.requests

    @property
    def invalid(self) -> str | None:
        """Why the figures are not the server's: the generator itself was too slow."""
        lag_s = max(self.send_lag_s, self.loop_lag_s)
        if lag_s > self.lag_bound_s:
            what = f"its p99 lag of {lag_s * 1e3:.1f} ms exceeds {self.lag_bound_s * 1e3:.1f} ms"
        elif self.generator_cores > CPU_SHARE:
            what = f"it kept {self.generator_cores:.2f} cores busy, and has one"
        else:
            return None
        return f"the load generator was the bottleneck: {what}; give it a machine of its own, or ask for less"


def summary(records: Sequence[Record], limits: Limits, loop_lags_s: Sequence[float], cpu_s: float) -> Summary:
    """``loop_lags_s`` is how late the generator's clock ticked, ``cpu_s`` the processor time it used.

    Raises ValueError without records.
    """
    if not records:
        raise ValueError("nothing was sent")
    good = [record for record in records if record.ok]
    duration_s = max(record.end_s for record in records) - min(record.scheduled_s for record in records)
    first_s = spread(_present(record.first_s for record in good))
    limited = limits != Limits()
    messages = sum(record.messages for record in good)
    return Summary(
        requests=len(records),
        statuses=dict(Counter(record.status for record in records).most_common()),
        duration_s=duration_s,
        requests_per_s=len(good) / duration_s,
        tokens_per_s=sum(record.new_tokens for record in good) / duration_s,
        goodput_per_s=sum(map(limits.kept_by, records)) / duration_s if limited else None,
        first_s=first_s,
        gap_s=spread([gap for record in good for gap in record.gaps_s]),
        per_piece_s=spread(_present(record.per_piece_s for record in good)),
        end_to_end_s=spread([record.end_to_end_s for record in good]),
        stages_s={
            stage: spread([record.stages_s[stage] for record in good if stage in record.stages_s])
            for stage in (good[0].stages_s if good else ())
        },
        outside_s=spread(_present(record.outside_s for record in good)),
        pieces_per_message=sum(len(record.arrivals_s) for record in good) / messages if messages else None,
        batch_rows=float(np.mean([record.batch_rows for record in good])) if good else None,
        prefix_tokens=sum(record.prefix_tokens for record in good),
        forced_tokens=sum(record.forced_tokens for record in good),
        ended_early=sum(record.ended_early for record in good),
        model_questions=sum(record.model_questions for record in good),
        bank_questions=sum(record.bank_questions for record in good),
        send_lag_s=_worst([record.lag_s for record in records]),
        loop_lag_s=_worst(loop_lags_s),
        lag_bound_s=max(LAG_FLOOR_S, min(LAG_CEILING_S, LAG_SHARE * (first_s.p50 or 0.0))),
        generator_cores=cpu_s / duration_s,
    )


def spread(values: Sequence[float]) -> Spread:
    mean = float(np.mean(values)) if values else None
    return Spread(len(values), mean, percentile(values, 50), percentile(values, 90), percentile(values, 99))


def percentile(values: Sequence[float], percent: int) -> float | None:
    """With linear interpolation. None unless at least one value can lie beyond it: a p99 takes 100 values."""
    if len(values) < ceil(100 / (100 - percent)):
        return None
    return float(np.percentile(values, percent))


def statuses_but_ok(found: Summary) -> Mapping[str, int]:
    return {status: count for status, count in found.statuses.items() if status != OK}


def _worst(lags_s: Sequence[float]) -> float:
    """The p99, or of fewer than 100 values the largest."""
    found = percentile(lags_s, 99)
    return max(lags_s, default=0.0) if found is None else found


def _present(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
