"""The definitions of the load run's figures, on event streams whose answers are known."""

import asyncio
import selectors
from collections.abc import AsyncIterator
from typing import Any

import pytest
from askwell_bench.load import drive
from askwell_bench.load.drive import Drive
from askwell_bench.load.record import Record
from askwell_bench.load.summary import Limits, Summary, percentile, summary
from askwell_bench.load.workload import Continuation
from askwell_client import Delta, FinishReason, Sample, Timing, Usage

ANY_TIME = Limits()


def request(
    due: float, arrivals: tuple[float, ...] = (), *, sent: float | None = None, **fields: object
) -> Record:
    """A request that ended with its last piece, or half a second after it was due."""
    known = {
        "scheduled_s": due,
        "sent_s": due if sent is None else sent,
        "end_s": arrivals[-1] if arrivals else due + 0.5,
        "status": "OK",
        "arrivals_s": arrivals,
        "messages": len(set(arrivals)),
        "new_tokens": len(arrivals),
    }
    return Record(**(known | fields))  # type: ignore[arg-type]


def figures(
    *records: Record, limits: Limits = ANY_TIME, lags: tuple[float, ...] = (), cpu: float = 0.0
) -> Summary:
    return summary(records, limits, lags, cpu)


def test_stalled_server_is_charged_from_the_scheduled_arrival() -> None:
    # The server stalls until 10 s. A sender that waited for it could not send the second and third in time.
    stalled = [
        request(0.0, (10.0, 10.1)),
        request(1.0, (10.2, 10.3), sent=10.1),
        request(2.0, (10.4, 10.5), sent=10.3),
    ]
    found = figures(*stalled)
    assert found.first_s.mean == pytest.approx((10.0 + 9.2 + 8.4) / 3)
    assert found.end_to_end_s.mean == pytest.approx((10.1 + 9.3 + 8.5) / 3)
    assert found.send_lag_s == pytest.approx(9.1)
    assert found.invalid is not None  # and who sends so late is told so


class VirtualTime(selectors.DefaultSelector):
    """A loop with this selector never sleeps: its clock jumps to whatever is due next."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.now_s += timeout or 0.0
        return super().select(0)

    def loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.SelectorEventLoop(self)
        loop.time = lambda: self.now_s  # type: ignore[method-assign]
        return loop


class StalledClient:
    """A server that answers nothing before 10 s, and then takes 0.1 s a token for two tokens.

    ``busy_s``: for so long each call keeps the sender itself from doing anything else.
    """

    def __init__(self, clock: VirtualTime, busy_s: float) -> None:
        self._clock = clock
        self._busy_s = busy_s

    async def stream(self, prompt: object, **options: object) -> AsyncIterator[object]:
        loop = asyncio.get_running_loop()
        self._clock.now_s += self._busy_s
        await asyncio.sleep(max(0.0, 10.0 - loop.time()))
        for token in (5, 6):
            await asyncio.sleep(0.1)
            yield Delta(index=0, text="", token_ids=(token,), logprobs=())
        usage = Usage(
            prompt_tokens=2, new_tokens=2, prefix_tokens=0, forced_tokens=0, batch_size=1, batches=1
        )
        yield Sample(0, "", FinishReason.MAX_TOKENS, "", (), (), Timing(0.0, 0.0, 0.0, 0.0), usage)


def driven(
    method: str, *arguments: Any, monkeypatch: pytest.MonkeyPatch, busy_s: float = 0.0
) -> list[Record]:
    """What a sender saw of the stalled server, by virtual time."""
    clock = VirtualTime()
    monkeypatch.setattr(drive, "_now_s", lambda: clock.now_s)
    found = Drive(StalledClient(clock, busy_s), timeout_s=60)  # type: ignore[arg-type]
    with asyncio.Runner(loop_factory=clock.loop) as runner:
        assert runner.run(getattr(found, method)(*arguments)) is None
    return sorted(found.records, key=lambda record: record.scheduled_s)


def test_open_loop_charges_a_stalled_server_for_everyone_who_came_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = [Continuation((1, 2), 2, 2)] * 4
    records = driven("open", work, [0.0, 1.0, 2.0, 11.0], monkeypatch=monkeypatch)
    assert [record.sent_s for record in records] == pytest.approx([0.0, 1.0, 2.0, 11.0])  # nobody waited
    found = figures(*records)
    assert [record.first_s for record in records] == pytest.approx([10.1, 9.1, 8.1, 0.1])
    assert [record.end_to_end_s for record in records] == pytest.approx([10.2, 9.2, 8.2, 0.2])
    assert found.first_s.p50 == pytest.approx((9.1 + 8.1) / 2)
    assert found.gap_s.mean == pytest.approx(0.1) and found.per_piece_s.mean == pytest.approx(0.1)
    assert found.duration_s == pytest.approx(11.2) and found.tokens_per_s == pytest.approx(8 / 11.2)
    assert found.invalid is None


def test_sender_that_is_held_up_charges_from_the_schedule_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = [Continuation((1, 2), 2, 2)] * 2
    records = driven("open", work, [0.0, 0.2], monkeypatch=monkeypatch, busy_s=0.5)
    assert [record.sent_s for record in records] == pytest.approx([0.0, 0.5])
    assert records[1].first_s == pytest.approx(10.1 - 0.2)
    assert "bottleneck" in (figures(*records).invalid or "")


def test_closed_loop_sends_nothing_while_the_server_stalls(monkeypatch: pytest.MonkeyPatch) -> None:
    # Why an open loop is needed: one of four sees the stall here, and the median knows nothing of it.
    records = driven("closed", [Continuation((1, 2), 2, 2)] * 4, 1, monkeypatch=monkeypatch)
    assert [record.first_s for record in records] == pytest.approx([10.1, 0.1, 0.1, 0.1])
    assert figures(*records).first_s.p50 == pytest.approx(0.1)


def test_time_per_token_spreads_what_follows_the_first_over_the_others() -> None:
    found = request(1.0, (1.4, 1.5, 1.9), end_s=2.0)
    assert found.first_s == pytest.approx(0.4)
    assert found.per_piece_s == pytest.approx((1.0 - 0.4) / 2)
    assert request(1.0, (1.4,)).per_piece_s is None


def test_gaps_are_pooled_and_zero_inside_a_message() -> None:
    found = figures(request(0.0, (0.1, 0.1, 0.1, 0.4)), request(0.0, (0.2, 0.3)))
    assert found.gap_s.count == 4
    assert found.gap_s.mean == pytest.approx((0.0 + 0.0 + 0.3 + 0.1) / 4)
    assert found.pieces_per_message == pytest.approx(6 / 4)


@pytest.mark.parametrize(("percent", "least"), [(50, 2), (90, 10), (99, 100)])
def test_percentile_of_too_few_samples_is_refused(percent: int, least: int) -> None:
    assert percentile([1.0] * (least - 1), percent) is None
    assert percentile([1.0] * least, percent) == 1.0


def test_percentiles_interpolate_between_samples() -> None:
    values = [float(i) for i in range(100, -1, -1)]
    assert [percentile(values, p) for p in (50, 90, 99)] == [50.0, 90.0, 99.0]
    assert percentile([0.0, 1.0], 50) == 0.5


def test_failed_requests_count_by_status_and_not_in_latencies() -> None:
    refused = request(0.5, status="RESOURCE_EXHAUSTED", end_s=0.51)
    cut_short = request(1.0, (9.0,), status="UNAVAILABLE", end_s=10.0)
    found = figures(request(0.0, (1.0, 2.0)), request(0.0, (3.0, 4.0)), refused, cut_short)
    assert found.statuses == {"OK": 2, "RESOURCE_EXHAUSTED": 1, "UNAVAILABLE": 1}
    assert found.first_s.mean == pytest.approx(2.0)
    assert found.end_to_end_s.mean == pytest.approx(3.0)
    assert found.duration_s == 10.0
    assert (found.requests_per_s, found.tokens_per_s) == (0.2, 0.4)


def test_goodput_counts_whole_requests_within_every_limit() -> None:
    records = [
        request(0.0, (0.1, 1.0)),
        request(0.0, (0.3, 1.0)),  # first token too late
        request(0.0, (0.1, 2.5)),  # end too late
        request(0.0, (0.1, 0.5), status="TIME_LIMIT"),
        request(3.9, status="RESOURCE_EXHAUSTED", end_s=4.0),
    ]
    assert figures(*records, limits=Limits(0.2, 2.0)).goodput_per_s == pytest.approx(1 / 4.0)
    assert figures(*records, limits=Limits(end_to_end_s=2.0)).goodput_per_s == pytest.approx(2 / 4.0)
    assert figures(*records).goodput_per_s is None
    assert figures(*records).ok_share == pytest.approx(3 / 5)


def test_generator_that_lags_or_has_no_processor_left_invalidates_the_run() -> None:
    quick = request(0.0, (0.05, 1.0))  # bound: 10 ms, for a tenth of 50 ms is less
    slow, slower = request(0.0, (0.4, 1.0)), request(0.0, (4.0, 5.0))
    assert figures(quick, lags=(0.009,), cpu=0.8).invalid is None
    assert "lag of 11.0 ms" in (figures(quick, lags=(0.011,)).invalid or "")
    assert "0.95 cores" in (figures(quick, cpu=0.95).invalid or "")
    assert figures(slow, slow, lags=(0.03,)).invalid is None  # a tenth of the median of 400 ms
    assert figures(slower, slower, lags=(0.06,)).invalid is not None  # 50 ms is too late for any gap
    few_late = (0.0,) * 1000 + (1.0,) * 5
    assert figures(quick, lags=few_late).invalid is None  # the p99 counts, not the worst


def test_server_time_is_split_into_its_stages_and_the_rest() -> None:
    stages = {"queue": 0.1, "prefill": 0.2, "decode": 0.3}
    records = [request(0.0, (0.5, 0.8), sent=0.1, stages_s=stages, server_first_s=0.3)] * 2
    found = figures(*records)
    assert {stage: times.p50 for stage, times in found.stages_s.items()} == stages
    assert found.outside_s.mean == pytest.approx(0.5 - 0.1 - 0.3)  # sent late: the sender's fault, not theirs
