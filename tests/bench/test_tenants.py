"""Tenant B beside a fair and a flooding tenant A: its p99s, the bound, and A's end with B's."""

import asyncio
from argparse import Namespace
from pathlib import Path

import pytest
from askwell.v1 import generation_pb2 as pb
from askwell_bench import tenants
from askwell_bench.load import trial as trials
from askwell_bench.load.record import Record
from askwell_bench.load.summary import Limits, summary
from askwell_bench.load.trial import Trial
from askwell_bench.load.workload_file import read_workload
from askwell_bench.tenants import Tenants

from client import fake_server

FILE = read_workload(Path(__file__).resolve().parents[2] / "benchmarks" / "workloads" / "tenants.toml")


def beside(*runs: list[Trial]) -> Tenants:
    found = Tenants(*runs)
    found.longest_batch_s = 2.0
    return found


def trial(seconds: list[float], *, batch_rows: int = 16, service_s: float = 1.5, status: str = "OK") -> Trial:
    stages = {"queue": 0.1, "prefill": 0.5, "decode": service_s - 0.5}
    records = [
        Record(float(i), float(i), i + each, status, (i + each,), 1, stages_s=stages, batch_rows=batch_rows)
        for i, each in enumerate(seconds)
    ]
    found = summary(records, Limits(), [], 0.0)
    return Trial("B", 1.0, len(records), len(records), False, found, records)


def test_flood_may_neither_double_bs_p99_nor_pass_a_full_batch_and_the_longest_one() -> None:
    fair = trial([1.0] * 98 + [2.0] * 2)
    assert [each.held for each in beside([fair], [trial([3.4] * 100)]).verdicts()] == [True, True]
    assert [each.held for each in beside([fair], [trial([3.6] * 100)]).verdicts()] == [True, False]
    slow = trial([4.1] * 100, service_s=3.0)
    assert [each.held for each in beside([fair], [slow]).verdicts()] == [False, True]


def test_full_batch_is_told_by_the_largest_batches_that_b_ran_in() -> None:
    found = beside([], [trial([3.0] * 10), trial([1.0] * 10, batch_rows=4, service_s=0.6)])
    assert found.full_batch_s == pytest.approx(1.5)
    assert found.bound_s == pytest.approx(3.5)


def test_refused_requests_of_b_take_for_ever() -> None:
    refused = trial([0.1] * 4, status="RESOURCE_EXHAUSTED")
    found = beside([trial([1.0] * 200)], [trial([1.0] * 196), refused])
    assert [each.held for each in found.verdicts()] == [False, False]
    assert found.figures()["flood_p99_s"] is None


def test_p99_takes_a_hundred_requests() -> None:
    assert [each.held for each in beside([trial([1.0] * 99)], [trial([1.0] * 100)]).verdicts()] == [None] * 2


def test_a_sends_as_itself_beside_b_and_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenants, "_LEAD_S", 0.1)
    monkeypatch.setattr(trials, "PAUSE_S", 0.0)
    running = fake_server.start()
    running.set_health("SERVING")
    answer = [
        pb.GenerateStreamResponse(delta=pb.Delta(token_ids=[5])),
        pb.GenerateStreamResponse(finished=pb.Sample(finish_reason=pb.FINISH_REASON_MAX_TOKENS)),
    ]
    running.fake.will("GetModel", pb.GetModelResponse(name="fake", vocabulary_size=336, positions=256))
    running.fake.will("GenerateStream", *[answer] * 20_000)
    given = Namespace(full_rate=80.0, share=0.25, seconds=0.25, rounds=3, seed=0, flood=2)
    found, kept = beside(), []
    try:
        asyncio.run(tenants._measure(given, FILE, running.fake.target, found, lambda: kept.append(1)))
    finally:
        running.stop()
    assert len(found.fair) == len(found.flood) == 3 and len(kept) == 6
    assert [len(each.records) for each in (*found.fair, *found.flood)] == [5] * 6
    assert min(found.a_requests["flood"]) > max(found.a_requests["fair"]) > 0
    asked = [call.request.tenant for call in running.fake.calls if call.method == "GenerateStream"]
    assert asked.count("b") == 30 and set(asked) == {"", "a", "b"}  # without a name: the warm-up
