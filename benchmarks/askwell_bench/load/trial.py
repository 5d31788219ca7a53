"""One server of several, given the work of a workload file at one rate after another."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from askwell_client import AsyncClient

from .arrival import gamma_arrivals
from .drive import Drive
from .patience import Patience
from .record import Record
from .summary import Summary, statuses_but_ok, summary
from .workload import Vocabulary
from .workload_file import WorkloadFile

PAUSE_S = 1.0
"""Between two runs: what a run left behind shall not be in the next one's way."""
_WARM_UP = 3
_ANY_TIME_S = 600.0
_LAG_OF_LIMIT = 0.01
"""So much of the first token's limit the generator may lag: what counts here is whether limits are kept."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A run of ``asked`` requests at ``rate`` a second. ``kept`` is how many kept the workload's limits.

    ``gave_up``: so many had missed them that the others were not waited for.
    """

    variant: str
    rate: float
    asked: int
    kept: int
    gave_up: bool
    summary: Summary
    records: Sequence[Record]

    @property
    def missed(self) -> int:
        return len(self.records) - self.kept

    @property
    def goodput_per_s(self) -> float:
        """Of the requests that were due in the run's time; what a run that gave up has is none."""
        return 0.0 if self.gave_up else self.summary.goodput_per_s or 0.0

    def within_s(self, percent: int) -> float | None:
        """The end-to-end time of so many percent of all requests: who failed took for ever (None)."""
        times_s = sorted(each.end_to_end_s if each.ok else np.inf for each in self.records)
        found = float(np.percentile(times_s, percent, method="higher")) if times_s else np.inf
        return found if np.isfinite(found) else None

    def line(self) -> str:
        """How it went, for a person who waits."""
        first, last = self.summary.first_s.p50, self.within_s(95)
        told = f"{self.kept} of {self.asked} kept the limits"
        told += ", gave up" if self.gave_up else f", goodput {self.goodput_per_s:.3f}/s"
        told += "" if first is None else f"; first token {first:.2f} s (median)"
        told += "" if last is None else f", end to end {last:.2f} s (p95)"
        for status, count in statuses_but_ok(self.summary).items():
            told += f", {count} {status}"
        return f"{self.variant} at {self.rate:.3f}/s: {told}"

    @property
    def invalid(self) -> list[str]:
        """A line when the generator itself was too slow."""
        why = self.summary.invalid
        return [f"{self.variant} at {self.rate:.3f}/s: {why}"] if why else []

    def facts(self) -> dict[str, Any]:
        found = self.summary
        rows_s = [each.first_row_s for each in self.records if each.ok and each.first_row_s is not None]
        return {
            "variant": self.variant,
            "rate": self.rate,
            "requests": self.asked,
            "sent": len(self.records),
            "kept": self.kept,
            "gave_up": self.gave_up,
            "statuses": dict(found.statuses),
            "goodput_per_s": self.goodput_per_s,
            "tokens_per_s": found.tokens_per_s,
            "first_p50_s": found.first_s.p50,
            "first_p90_s": found.first_s.p90,
            "first_row_p50_s": float(np.median(rows_s)) if rows_s else None,
            "end_to_end_p50_s": found.end_to_end_s.p50,
            "end_to_end_p95_s": self.within_s(95),
            "batch_rows": found.batch_rows,
            "prefix_tokens": found.prefix_tokens,
            "forced_tokens": found.forced_tokens,
            "send_lag_p99_s": found.send_lag_s,
            "loop_lag_p99_s": found.loop_lag_s,
            "invalid": found.invalid,
        }


class Stand:
    """A server under the work of one file. Every run is other prompts of the same kind, by its seed.

    Each method raises RuntimeError when the server goes away and KeyboardInterrupt on Ctrl-C.
    """

    def __init__(self, name: str, client: AsyncClient, vocabulary: Vocabulary, file: WorkloadFile) -> None:
        self.name = name
        self.client = client
        self.vocabulary = vocabulary
        self.file = file

    async def open(
        self,
        rate: float,
        requests: int,
        seed: int,
        *,
        allowed: int | None = None,
        timeout_s: float = _ANY_TIME_S,
        tenant: str = "",
    ) -> Trial:
        """Poisson arrivals; of equal seeds the same pattern at any rate. Ends when more than ``allowed`` have
        missed the limits. ``timeout_s`` is each request's deadline, from when it is sent."""
        patience = None if allowed is None else Patience(self.file.limits, allowed)
        drive = Drive(self.client, timeout_s, tenant, patience)
        offsets_s = gamma_arrivals(rate, 1.0, requests, seed)
        work = self.file.work(self.vocabulary, requests, seed)
        return self.trial(drive, rate, requests, await drive.open(work, offsets_s))

    def trial(self, drive: Drive, rate: float, requests: int, stopped: str | None) -> Trial:
        """What a drive found."""
        check(self.name, stopped)
        limits = self.file.limits
        found = summary(drive.records, limits, drive.loop_lags_s, drive.cpu_s)
        lag_bound_s = max(found.lag_bound_s, _LAG_OF_LIMIT * (limits.first_s or 0.0))
        found = replace(found, lag_bound_s=lag_bound_s)
        kept = sum(map(limits.kept_by, drive.records))
        return Trial(self.name, rate, requests, kept, drive.gave_up, found, drive.records)

    async def warm_up(self) -> None:
        drive = Drive(self.client, _ANY_TIME_S)
        check(self.name, await drive.closed(self.file.work(self.vocabulary, _WARM_UP, seed=1 << 20), 1))
        if not all(record.ok for record in drive.records):
            raise RuntimeError(
                f"{self.name}: a request failed on the idle server: {drive.records[-1].status}"
            )

    async def saturation(self, seed: int) -> float:
        """Requests a second while as many as the file says are always under way."""
        requests = 4 * self.file.concurrency
        work = self.file.work(self.vocabulary, requests, seed)
        drive = Drive(self.client, _ANY_TIME_S)
        check(self.name, await drive.closed(work, self.file.concurrency))
        found = summary(drive.records, self.file.limits, drive.loop_lags_s, drive.cpu_s)
        if not found.requests_per_s:
            raise RuntimeError(f"{self.name}: no request ended well: {dict(found.statuses)}")
        print(f"{self.name}: {found.requests_per_s:.3f}/s with {self.file.concurrency} at a time", flush=True)
        return found.requests_per_s


@asynccontextmanager
async def stands(addresses: Mapping[str, str], file: WorkloadFile) -> AsyncIterator[dict[str, Stand]]:
    """A warmed-up stand for every server."""
    async with AsyncExitStack() as stack:
        found = {}
        for name, address in addresses.items():
            client = await stack.enter_async_context(AsyncClient(address, retries=0))
            model = await client.model()
            found[name] = Stand(name, client, Vocabulary(model.vocabulary_size, model.positions), file)
            await found[name].warm_up()
            print(f"{name}: {model.name} in {model.compute_type} is ready", flush=True)
        yield found


async def pause() -> None:
    await asyncio.sleep(PAUSE_S)


def check(name: str, stopped: str | None) -> None:
    """Raises KeyboardInterrupt or RuntimeError when a drive ended early."""
    if stopped == "interrupted":
        raise KeyboardInterrupt
    if stopped:
        raise RuntimeError(f"{name}: {stopped}")
