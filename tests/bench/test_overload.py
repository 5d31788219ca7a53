"""What counts as kept, refused and missed at twice the sustained load."""

import asyncio
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from askwell_bench import overload
from askwell_bench.load.record import Record
from askwell_bench.load.summary import Limits, summary
from askwell_bench.load.trial import Trial
from askwell_bench.load.workload_file import read_workload
from askwell_bench.overload import Overload, Round, sustained

FILE = read_workload(Path(__file__).resolve().parents[2] / "benchmarks" / "workloads" / "mixed.toml")


def good(due: float, seconds: float = 1.0) -> Record:
    return Record(due, due, due + seconds, "OK", (due + seconds,), 1)


def refused(due: float, after_s: float, lag_s: float = 0.0) -> Record:
    return Record(due, due + lag_s, due + lag_s + after_s, "RESOURCE_EXHAUSTED")


def expired(due: float) -> Record:
    return Record(due, due, due + 12.0, "DEADLINE_EXCEEDED")


def trial(rate: float, records: list[Record]) -> Trial:
    limits = Limits(end_to_end_s=12.0)
    found = summary(records, limits, [], 0.0)
    return Trial("server", rate, len(records), sum(map(limits.kept_by, records)), False, found, records)


def of(above: list[Record]) -> Overload:
    below = [trial(1.0, [good(float(i)) for i in range(10)])]
    return Overload(12.0, [Round(below, trial(2.0, above), 1.0)])


def test_goodput_kept_is_a_share_of_the_best_run_below() -> None:
    found = of([good(i * 0.5) for i in range(10)] + [refused(9.0, 0.001)])
    # Below: 10 good in 10 s. Above: 10 good, the last event at 9.001 s.
    assert found.kept == pytest.approx((10 / 9.001) / (10 / 10.0))
    assert found.verdicts()[0].held


def test_refusal_is_timed_from_when_it_was_sent_and_the_lag_is_the_generators() -> None:
    found = of([good(0.0), *[refused(1.0, 0.004, lag_s=0.5)] * 19, refused(1.0, 0.3)])
    assert found.refused_p90_s == pytest.approx(0.004)
    assert found.verdicts()[1].held
    late = of([good(0.0), *[refused(1.0, 0.004)] * 8, *[refused(1.0, 0.02)] * 2])
    assert late.verdicts()[1].held is False


def test_admitted_requests_without_a_whole_result_missed_their_deadline() -> None:
    found = of([good(0.0)] * 98 + [expired(0.0)] + [refused(0.0, 0.001)] * 50)
    assert (len(found.admitted), len(found.missed)) == (99, 1)
    assert found.verdicts()[2].held is False  # 1 of 99 is more than 1 %
    assert of([good(0.0)] * 99 + [expired(0.0)]).verdicts()[2].held


def test_without_refusals_nothing_is_said_of_them() -> None:
    assert of([good(0.0)] * 5).verdicts()[1].held is None


def test_sustained_is_the_highest_rate_whose_requests_were_good_over_all_rounds() -> None:
    low, high = [good(float(i)) for i in range(20)], [good(float(i)) for i in range(18)] + [expired(0.0)] * 2
    trials = [trial(1.0, low), trial(2.0, high), trial(2.0, low), trial(3.0, high)]
    assert sustained(trials, 0.95) == 2.0  # 38 of 40
    assert sustained(trials, 0.96) == 1.0
    assert (
        sustained([trial(2.0, high), trial(3.0, [expired(0.0)])], 0.95) == 2.0
    )  # the best of those that fail


def test_every_round_ends_at_twice_the_sustained_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, int, float]] = []

    class FakeStand:
        async def open(self, rate: float, requests: int, seed: int, timeout_s: float) -> Trial:
            asked.append((rate, requests, timeout_s))
            good_ones = [good(i / rate) for i in range(requests)]
            return trial(rate, good_ones if rate <= 8 else [refused(0.0, 0.001)] * requests)

    class Stands:
        async def __aenter__(self) -> dict[str, FakeStand]:
            return {"server": FakeStand()}

        async def __aexit__(self, *_: object) -> None:
            pass

    async def no_pause() -> None:
        pass

    monkeypatch.setattr(overload, "stands", lambda *_: Stands())
    monkeypatch.setattr(overload, "pause", no_pause)
    found = Overload(12.0)
    given = Namespace(shares=(0.6, 0.8, 1.0), full_rate=10.0, seconds=10.0, rounds=3, seed=0)
    kept: list[Any] = []
    asyncio.run(overload._measure(given, FILE, "", found, lambda: kept.append(1)))
    assert asked[:4] == [(6.0, 60, 12.0), (8.0, 80, 12.0), (10.0, 100, 12.0), (16.0, 160, 12.0)]
    assert len(kept) == len(found.rounds) == 3
    assert [each.sustained_per_s for each in found.rounds] == [8.0] * 3
    figures = found.figures()
    assert (figures["refusals"], figures["admitted"], figures["goodput_kept"]) == (480, 0, 0.0)
