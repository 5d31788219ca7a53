"""The search for a sustained rate, and what it proves; goodput over rates."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from askwell_bench import goodput
from askwell_bench.capacity import command as capacity
from askwell_bench.capacity.outcome import Outcome
from askwell_bench.capacity.search import STEP, Search
from askwell_bench.command import main
from askwell_bench.load.patience import Patience
from askwell_bench.load.record import Record
from askwell_bench.load.summary import Limits, summary
from askwell_bench.load.trial import Trial
from askwell_bench.load.variant import Variant
from askwell_bench.load.workload_file import read_workload

WORKLOADS = Path(__file__).resolve().parents[2] / "benchmarks" / "workloads"
FILE = read_workload(WORKLOADS / "sets.toml")
VARIANTS = (Variant("one-row", "--policy fifo"), Variant("equal-length", ""), Variant("full", ""))


def record(due: float, seconds: float, status: str = "OK") -> Record:
    return Record(due, due, due + seconds, status, (due + seconds,), 1)


def trial(variant: str, rate: float, seconds: list[float], *, gave_up: bool = False, asked: int = 0) -> Trial:
    """Requests that are due one after the other at the rate, and take so long."""
    records = [record(i / rate, each) for i, each in enumerate(seconds)]
    limits = Limits(end_to_end_s=12.0)
    found = summary(records, limits, [], 0.0)
    kept = sum(map(limits.kept_by, records))
    return Trial(variant, rate, asked or len(records), kept, gave_up, found, records)


def searched(start: float, capacity: float, apart: int = 1) -> tuple[Search, list[float]]:
    search, rates = Search(start, apart), []
    while (rate := search.next_rate) is not None:
        rates.append(rate)
        search.note(rate <= capacity)
    return search, rates


@pytest.mark.parametrize("start", [0.05, 0.29, 0.31, 0.5, 3.0])
def test_search_brackets_the_capacity_by_one_step_and_tries_no_rate_twice(start: float) -> None:
    search, rates = searched(start, 0.3)
    assert search.capacity is not None and search.bound is not None
    assert search.capacity <= 0.3 < search.bound
    assert search.bound / search.capacity == pytest.approx(STEP)
    assert len(rates) == len(set(rates)) <= 20
    coarse, fewer = searched(start, 0.3, apart=2)
    assert len(fewer) <= len(rates)
    assert coarse.bound is not None and coarse.capacity is not None
    assert coarse.capacity <= 0.3 < coarse.bound


def test_search_for_what_is_never_sustained_ends() -> None:
    search, rates = searched(1.0, 0.0)
    assert search.capacity is None and len(rates) < 30


def test_patience_ends_with_one_miss_too_many_and_counts_who_waits_too_long() -> None:
    patience = Patience(Limits(first_s=1.0, end_to_end_s=5.0), allowed=2)
    good, late, failed = record(0, 0.5), record(0, 2.0), record(0, 0.5, "UNAVAILABLE")
    assert not patience.exhausted([good, late, failed], [4.9])
    assert patience.exhausted([good, late, failed], [5.1])
    assert patience.exhausted([late, failed, failed], [])


def outcome(judged: float | None = 0.4) -> Outcome:
    """The judged variant sustained so much, and failed one step above it."""
    found = Outcome(FILE, VARIANTS, (1.7, 1.3), 100)
    if judged is not None:
        found.searches["full"] = Search(judged)
        for rate, passed in ((judged, True), (judged * STEP, False)):
            found.searches["full"].note(passed)
            found.trials.append(trial("full", rate, [1.0] * 100, gave_up=not passed))
    return found


def test_rate_that_failed_proves_the_ratio_and_one_that_passed_disproves_it() -> None:
    found = outcome()
    found.trials.append(trial("one-row", 0.4 / 1.7, [1.0] * 20, gave_up=True, asked=100))
    found.trials.append(trial("equal-length", 0.4 / 1.3, [1.0] * 100))
    one_row, equal_length, p95 = found.verdicts()
    assert (one_row.held, equal_length.held, p95.held) == (True, False, None)
    assert one_row.found == "at least 1.7 x" and equal_length.found == "at most 1.3 x"


def test_capacity_of_fewer_requests_is_overrated_and_only_bounds() -> None:
    found = outcome()
    found.trials.append(trial("one-row", 0.2, [1.0] * 20, gave_up=True, asked=100))
    found.trials.append(trial("one-row", 0.1, [1.0] * 40))
    assert found.ratio("one-row") == (pytest.approx(2.0), "at least")  # what failed, not what passed
    assert found.figures()["variants"]["one-row"]["overrated"]
    found.trials[-1] = trial("one-row", 0.1, [1.0] * 100)
    assert found.ratio("one-row") == (pytest.approx(4.0), "")


def test_p95_is_compared_at_the_same_rate_and_who_fails_takes_for_ever() -> None:
    found = outcome()
    found.at_80 = {"one-row": trial("one-row", 0.1, [5.0] * 24), "full": trial("full", 0.1, [3.0] * 24)}
    assert found.verdicts()[-1].held is True
    lost = trial("full", 0.1, [3.0] * 22)
    lost.records.extend([record(300.0, 0.1, "UNAVAILABLE")] * 2)  # type: ignore[attr-defined]
    found.at_80["full"] = lost
    assert lost.within_s(95) is None
    assert found.verdicts()[-1].held is False


def test_nothing_is_claimed_of_a_search_that_was_broken_off() -> None:
    assert [each.held for each in outcome(None).verdicts()] == [None] * 3


class FakeStand:
    """Sustains a rate of its own; what is asked above it is given up."""

    def __init__(self, name: str, capacity: float) -> None:
        self.name = name
        self._capacity = capacity
        self.asked: list[tuple[float, int]] = []

    async def saturation(self, seed: int) -> float:
        return self._capacity * 1.5

    async def open(self, rate: float, requests: int, seed: int, allowed: int | None = None) -> Trial:
        self.asked.append((rate, requests))
        fails = rate > self._capacity and allowed is not None
        seconds = 1.0 if self.name == "full" else 4.0
        return trial(self.name, rate, [seconds] * requests, gave_up=fails)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def go(module: Any, stands: list[FakeStand], *flags: str, code: int = 0) -> dict[str, Any]:
        @contextmanager
        def standing(*_: object) -> Iterator[dict[str, str]]:
            yield {each.name: "" for each in stands}

        class Stands:
            async def __aenter__(self) -> dict[str, FakeStand]:
                return {each.name: each for each in stands}

            async def __aexit__(self, *_: object) -> None:
                pass

        async def no_pause() -> None:
            pass

        monkeypatch.setattr(module, "standing", standing)
        monkeypatch.setattr(module, "stands", lambda *_: Stands())
        monkeypatch.setattr(module, "pause", no_pause)
        monkeypatch.setattr(module, "read_manifest", lambda _: SimpleNamespace())
        monkeypatch.setattr(module, "model_facts", lambda _: {})
        workload = "mixed" if module is goodput else "sets"
        file = ("--workload", str(WORKLOADS / f"{workload}.toml"))
        assert main([module.NAME, "--model", "m", *file, *flags, "--out", str(tmp_path)]) == code
        told: dict[str, Any] = json.loads((tmp_path / f"{module.NAME}-{workload}.json").read_text())
        return told

    return go


def test_capacity_command_searches_the_judged_and_proves_the_others(run: Any) -> None:
    stands = [FakeStand("one-row", 0.1), FakeStand("equal-length", 0.2), FakeStand("full", 0.4)]
    told = run(capacity, stands)
    assert [each["held"] for each in told["verdicts"]] == [True] * 3
    assert told["held"] and "partial" not in told
    assert len(stands[1].asked) == 1  # one run beats it
    assert {requests for _, requests in stands[0].asked[1:-1]} == {40}
    assert stands[0].asked[-1] == stands[2].asked[-1]  # 80 % of the baseline's capacity
    assert told["ratios"]["equal-length"] == {
        "ratio": pytest.approx(1.3),
        "bound": "at least",
        "required": 1.3,
    }
    assert set(told["measures"]) == {
        "capacity_over_one-row",
        "capacity_over_equal-length",
        "p95_at_80_percent",
    }


def test_capacity_that_breaks_off_keeps_its_runs_and_is_partial(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands = [FakeStand("one-row", 0.1), FakeStand("equal-length", 0.2), FakeStand("full", 0.4)]

    async def gone(*_: object, **__: object) -> Trial:
        raise RuntimeError("equal-length: the server\nwent away")

    monkeypatch.setattr(stands[1], "open", gone)
    told = run(capacity, stands, code=1)
    assert (told["partial"], told["stopped"]) == (True, "equal-length: the server went away")
    assert told["runs"] and not told["held"]


def test_goodput_command_takes_each_variants_best_of_every_round(run: Any) -> None:
    stands = [FakeStand("fifo", 1.0), FakeStand("full", 2.0)]

    async def open_at(self: FakeStand, rate: float, requests: int, seed: int) -> Trial:
        late = max(0, round(requests * (1 - self._capacity / rate)))  # beyond its capacity, all is late
        return trial(self.name, rate, [1.0] * (requests - late) + [13.0] * late)

    for each in stands:
        each.open = open_at.__get__(each)  # type: ignore[method-assign]
    told = run(goodput, stands, "--full-rate", "2", "--requests", "200")
    ratios = told["measures"]["goodput_ratio"]["values"]
    assert len(ratios) == 3 and ratios == pytest.approx([told["goodput_ratio"]] * 3)
    assert told["goodput_ratio"] > 1.3 and told["held"]
    assert [len(each) for each in told["rounds"]] == [6, 6, 6]


def test_goodput_of_a_baseline_that_keeps_nothing_is_no_number() -> None:
    rounds = [[trial("fifo", 1.0, [20.0] * 5), trial("full", 1.0, [1.0] * 5)]] * 3
    variants = (Variant("fifo", ""), Variant("full", ""))
    assert goodput.judge(variants, rounds, 1.3).held
    assert goodput.outcome(variants, rounds)["goodput_ratio"] is None
    assert goodput.measures(variants, rounds) == []


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--variant", "a="), "--variant twice at least"),
        (("--variant", "a=", "--variant", "a="), "different names"),
        (("--variant", "a"), "is not NAME=FLAGS"),
        (("--variant", "a='"), "cannot be read"),
        (("--least", "1.7"), "takes a ratio for each variant but the last"),
        (("--least", "1.7,x"), "x is not a number above 0"),
    ],
)
def test_wrong_options_are_one_line(
    flags: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) if told.startswith(("is not N", "cannot", "x is")) else _nothing():
        assert main(["capacity", "--model", "m", "--workload", str(WORKLOADS / "sets.toml"), *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


@contextmanager
def _nothing() -> Iterator[None]:
    yield
