"""The load run against a server that plays a script."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from askwell.v1 import generation_pb2 as pb
from askwell_bench.command import main
from askwell_bench.load.drive import Drive
from askwell_bench.load.patience import Patience
from askwell_bench.load.record import Record
from askwell_bench.load.summary import Limits, summary
from askwell_bench.load.workload import Continuation, Interview, PromptSet, questions
from askwell_client import AsyncClient
from client.fake_server import Refusal, Running
from client.interview_script import EVENTS

from client import fake_server

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MODEL = pb.GetModelResponse(name="fake", vocabulary_size=336, positions=256, compute_type="int8_float32")
BUSY = Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "the queue is full")


class Answer(list[Any]):
    """Two messages with three tokens, and the end; ``before`` runs when the call has arrived."""

    def __init__(self, before: Any = None) -> None:
        messages = [pb.GenerateStreamResponse(delta=pb.Delta(token_ids=ids)) for ids in ([5], [6, 7])]
        end = pb.Sample(finish_reason=pb.FINISH_REASON_MAX_TOKENS, usage=pb.Usage(new_tokens=3, batch_size=1))
        super().__init__([*messages, pb.GenerateStreamResponse(finished=end)])
        self._before = before

    def __iter__(self) -> Iterator[Any]:
        if self._before:
            self._before()
        return super().__iter__()


@pytest.fixture
def running() -> Iterator[Running]:
    running = fake_server.start()
    running.set_health("SERVING")
    yield running
    running.stop()


def drive(running: Running, method: str, *arguments: Any) -> tuple[list[Record], str | None]:
    async def go() -> tuple[list[Record], str | None]:
        async with AsyncClient(running.fake.target, retries=0) as client:
            found = Drive(client, timeout_s=20)
            stopped = await getattr(found, method)(*arguments)
        return found.records, stopped

    return asyncio.run(go())


def work(count: int) -> list[Continuation]:
    return [Continuation((50, 51, 52), 3, 3)] * count


def test_open_loop_sends_on_time_whatever_the_server_does(running: Running) -> None:
    together = threading.Barrier(3)  # no answer before the third request is there
    running.fake.will("GenerateStream", *[Answer(lambda: together.wait(20)) for _ in range(3)])
    records, stopped = drive(running, "open", work(3), [0.0, 0.01, 0.02])
    assert stopped is None
    assert [record.status for record in records] == ["OK"] * 3
    due = sorted(record.scheduled_s for record in records)
    assert [round(time_s - due[0], 6) for time_s in due] == [0.0, 0.01, 0.02]


def test_closed_loop_never_has_more_under_way_than_asked(running: Running) -> None:
    running.fake.will("GenerateStream", *[Answer() for _ in range(6)])
    records, _ = drive(running, "closed", work(6), 2)
    for record in records:
        assert sum(other.sent_s <= record.sent_s < other.end_s for other in records) <= 2


def test_tokens_of_one_message_arrive_together_and_the_sample_fills_the_record(running: Running) -> None:
    running.fake.will("GenerateStream", Answer())
    (record,), _ = drive(running, "closed", work(1), 1)
    assert len(record.arrivals_s) == 3 and record.messages == 2
    assert record.gaps_s[1] == 0.0
    assert (record.new_tokens, record.batch_rows) == (3, 1)


def test_question_set_tells_who_wrote_it_and_a_short_one_is_not_ok(running: Running) -> None:
    (candidate,) = questions(EXAMPLES, 1)
    sets = [Interview(candidate.job, candidate.resume, count) for count in (3, 4)]
    running.fake.will("StreamQuestions", EVENTS, EVENTS)  # two questions by the model, one of the bank
    records, _ = drive(running, "closed", sets, 1)
    assert [call.request.count for call in running.fake.calls] == [3, 4]
    assert [record.status for record in records] == ["OK", "FEWER_QUESTIONS"]
    found = summary(records, Limits(), [], 0.0)
    assert (found.model_questions, found.bank_questions) == (2, 1)  # of what is OK, as all figures are


def test_refused_and_cut_short_requests_are_noted_and_the_run_goes_on(running: Running) -> None:
    unfinished = Answer()
    unfinished.pop()
    running.fake.will("GenerateStream", BUSY, unfinished, Answer())
    records, stopped = drive(running, "closed", work(3), 1)
    assert [record.status for record in records] == ["RESOURCE_EXHAUSTED", "UNFINISHED", "OK"]
    assert stopped is None
    assert len(running.fake.calls) == 3  # no retry hides a refusal


def item(index: int, first_token_s: float) -> pb.GenerateBatchResponse:
    sample = pb.Sample(
        finish_reason=pb.FINISH_REASON_MAX_TOKENS,
        usage=pb.Usage(prompt_tokens=4, new_tokens=3, batch_size=2, prefix_tokens=2),
        timing=pb.Timing(first_token_s=first_token_s),
    )
    return pb.GenerateBatchResponse(index=index, response=pb.GenerateResponse(samples=[sample]))


def test_set_of_prompts_is_one_request_and_its_first_token_is_the_earliest_of_its_rows(
    running: Running,
) -> None:
    refused = pb.GenerateBatchResponse(index=1, error=pb.BatchError(code=8, message="full"))
    running.fake.will("GenerateBatch", [item(1, 0.4), item(0, 0.2)], [item(0, 0.2), refused], [item(0, 0.2)])
    prompts = PromptSet(((1, 2, 3, 4), (1, 2, 5, 6)), 3)
    records, _ = drive(running, "closed", [prompts] * 3, 1)
    assert [record.status for record in records] == ["OK", "RESOURCE_EXHAUSTED", "UNFINISHED"]
    found = records[0]
    assert found.first_s == pytest.approx(0.2 + found.lag_s)
    assert found.first_row_s is not None and found.first_row_s <= found.end_to_end_s
    assert (found.rows, found.prompt_tokens, found.new_tokens, found.prefix_tokens) == (2, 8, 6, 4)
    requests = running.fake.calls[0].request.requests
    stopping = [(each.stopping.min_new_tokens, each.stopping.max_new_tokens) for each in requests]
    assert stopping == [(3, 3)] * 2


def test_run_that_cannot_keep_its_limits_any_more_is_given_up_and_its_calls_are_cancelled(
    running: Running,
) -> None:
    released = threading.Event()
    running.fake.will("GenerateStream", Answer(), *[Answer(lambda: released.wait(20))] * 2)

    async def go() -> Drive:
        async with AsyncClient(running.fake.target, retries=0) as client:
            patience = Patience(Limits(end_to_end_s=0.3), allowed=1)
            found = Drive(client, timeout_s=20, patience=patience)
            assert await found.open(work(9), [0.0, 0.1, 0.15, *[60.0] * 6]) is None
            return found

    found = asyncio.run(go())
    released.set()
    assert found.gave_up
    assert [record.status for record in found.records] == ["OK", "CANCELLED", "CANCELLED"]


def test_interrupted_run_keeps_its_records(running: Running) -> None:
    arrived, released = threading.Event(), threading.Event()

    def hang() -> None:
        arrived.set()
        released.wait(20)

    running.fake.will("GenerateStream", Answer(), Answer(hang))

    async def go() -> tuple[list[Record], str | None]:
        async with AsyncClient(running.fake.target, retries=0) as client:
            found = Drive(client, timeout_s=20)
            sending = asyncio.create_task(found.closed(work(5), 1))
            await asyncio.to_thread(arrived.wait, 20)
            sending.cancel()
            return found.records, await sending

    records, stopped = asyncio.run(go())
    released.set()
    assert [record.status for record in records] == ["OK", "CANCELLED"]
    assert stopped == "interrupted"


def load(running: Running, *flags: str) -> int:
    lengths = ("--prompt-tokens", "3", "--new-tokens", "3", "--warmup", "1")
    return main(["load", "--server", running.fake.target, *lengths, *flags])


def test_results_hold_model_workload_levels_and_records(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running.fake.will("GetModel", MODEL)
    running.fake.will("GenerateStream", *[Answer() for _ in range(22)])
    code = load(
        running, "--concurrency", "1,2", "--requests", "10", "--e2e-ms", "60000", "--out", str(tmp_path)
    )
    result = json.loads((tmp_path / "load-fixed-closed.json").read_text())
    last_line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result | {"load_average": 0} == last_line | {"load_average": 0}  # which moves meanwhile
    assert result["model"]["name"] == "fake"
    assert [(each["value"], each["requests"], each["statuses"]) for each in result["levels"]] == [
        (1, 10, {"OK": 10}), (2, 10, {"OK": 10}),
    ]  # fmt: skip
    assert result["levels"][0]["end_to_end_s"]["p99"] is None
    assert code == (1 if any(each["invalid"] for each in result["levels"]) else 0)
    lines = (tmp_path / "load-fixed-closed.records.jsonl").read_text().splitlines()
    assert len(lines) == 20 and len(json.loads(lines[0])["arrivals_s"]) == 3
    for plot in ("saturation", "latency"):
        assert "<svg" in (tmp_path / f"load-fixed-closed-{plot}.svg").read_text()


def test_bursty_arrivals_do_not_replace_the_results_of_poisson_ones(running: Running, tmp_path: Path) -> None:
    running.fake.will("GetModel", MODEL, MODEL)
    running.fake.will("GenerateStream", *[Answer() for _ in range(2 * (1 + 2))])
    for burstiness in ("1", "0.25"):
        load(running, "--rate=50", f"--burstiness={burstiness}", "--requests=2", "--out", str(tmp_path))
    assert {path.name for path in tmp_path.glob("*.json")} == {
        "load-fixed-open.json",
        "load-fixed-open-burstiness-0.25.json",
    }


def test_server_that_dies_in_the_middle_leaves_partial_results(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running.fake.will("GetModel", MODEL)
    running.fake.will(
        "GenerateStream", *[Answer() for _ in range(5)], Answer(lambda: running.grpc_server.stop(0))
    )
    assert load(running, "--concurrency", "1,2", "--requests", "50", "--out", str(tmp_path)) == 1
    result = json.loads((tmp_path / "load-fixed-closed.json").read_text())
    assert result["partial"] and "the server went away" in result["stopped"]
    assert len(result["levels"]) == 1
    assert result["levels"][0]["statuses"]["OK"] >= 4
    assert "PARTIAL: the server went away" in capsys.readouterr().out


def test_missing_server_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", "--server", "127.0.0.1:1"]) == 2
    assert capsys.readouterr().err.startswith("askwell-bench: no server at 127.0.0.1:1")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--limits", "w.toml", "--e2e-ms", "3"), "--limits names both limits"),
        (("--workload", "mixed", "--new-tokens", "3"), "'mixed' makes no use of --new-tokens"),
        (("--preamble-tokens", "3"), "'fixed' makes no use of --preamble-tokens"),
        (("--trace", "t.jsonl", "--prompt-tokens", "3"), "'trace' makes no use of --prompt-tokens"),
        (("--burstiness", "0.5"), "--burstiness is for the arrivals of --rate"),
        (("--pairs", "4"), "name one with --against"),
        (("--against-server", "x:1", "--concurrency", "1,2"), "pairs compare one level"),
        (("--against-server", "x:1", "--against=--log-level=info"), "runs already"),
        (("--against", ""), "name its model with --against-model"),
    ],
)
def test_options_that_would_be_ignored_are_refused(
    flags: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["load", "--server", "127.0.0.1:1", *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


@pytest.fixture
def other() -> Iterator[Running]:
    other = fake_server.start()
    other.set_health("SERVING")
    yield other
    other.stop()


def prompts(running: Running) -> list[tuple[int, ...]]:
    found = [call.request for call in running.fake.calls if call.method == "GenerateStream"]
    return [tuple(request.tokens.ids) for request in found]


def test_pairs_give_both_servers_the_same_work_in_turns_and_judge_the_second(
    running: Running, other: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for each in (running, other):
        each.fake.will("GetModel", MODEL)
        each.fake.will("GenerateStream", Answer())  # the warm-up
    for _ in range(3):
        running.fake.will("GenerateStream", *[Answer() for _ in range(4)])
        other.fake.will("GenerateStream", BUSY, BUSY, BUSY, Answer())
    pairs = ("--against-server", other.fake.target, "--pairs", "3", "--requests", "4", "--concurrency", "1")
    assert load(running, *pairs, "--out", str(tmp_path)) == 1
    out = capsys.readouterr().out.splitlines()
    assert (
        "".join(line.split()[0] for line in out if ", round " in line and "INVALID" not in line) == "abbaab"
    )
    assert prompts(running) == prompts(other)
    assert len(set(prompts(running))) == 1 + 3 * 4  # another round is another piece of work
    a, b = (json.loads((tmp_path / f"load-fixed-closed-{side}.json").read_text()) for side in "ab")
    assert a["pairing"] == b["pairing"]
    assert [len(each["measures"]["tokens_per_s"]["values"]) for each in (a, b)] == [3, 3]
    assert b["measures"]["ok_share"]["values"] == [0.25] * 3
    told = json.loads(out[-1])
    assert told == json.loads((tmp_path / "compare-load-fixed-closed.json").read_text())
    assert "ok_share" in told["worse"] and told["took_turns"]
    assert "<svg" in (tmp_path / "load-fixed-closed-pairs-latency.svg").read_text()


def test_pair_that_broke_off_is_kept_but_not_compared(
    running: Running, other: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for each in (running, other):
        each.fake.will("GetModel", MODEL)
        each.fake.will("GenerateStream", *[Answer() for _ in range(1 + 3 * 2)])
    running.fake.will("GenerateStream", Answer(), Answer())  # all of round 4, which the other side begins
    other.fake.will("GenerateStream", Answer(), Answer(lambda: other.grpc_server.stop(0).wait(1)))
    pairs = ("--against-server", other.fake.target, "--pairs", "5", "--requests", "2", "--concurrency", "1")
    assert load(running, *pairs, "--out", str(tmp_path)) == 1
    assert "PARTIAL: b: the server went away" in capsys.readouterr().out
    a, b = (json.loads((tmp_path / f"load-fixed-closed-{side}.json").read_text()) for side in "ab")
    assert a["partial"] and b["partial"]
    assert (len(a["levels"]), len(b["levels"])) == (3, 4)
    assert [len(each["measures"]["tokens_per_s"]["values"]) for each in (a, b)] == [3, 3]


def test_server_that_does_not_start_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["load", "--model", str(tmp_path / "nope")]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("askwell-bench: the server did not start: no model folder at")
