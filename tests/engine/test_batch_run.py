"""Which token ends which row, in what order the front is told, and what happens when something breaks."""

import queue
import threading
from dataclasses import dataclass, field

import pytest
from askwell_server.engine import process
from askwell_server.engine.backend import BackendFacts
from askwell_server.engine.batch_run import Cancellations
from askwell_server.engine.layout import Layout
from askwell_server.engine.messages import Batch, BatchRow, Cancel, Cut, Done, Failed, Step
from askwell_server.engine.row import Options, Reason
from askwell_server.engine.warm import OnToken

END = 0


@dataclass
class Scripted:
    """Generates 10, 11, 12 … in every row, save ``ids``; calls what is in ``at_step`` before these steps."""

    lanes: int = 1
    ids: dict[tuple[int, int], int] = field(default_factory=dict)
    at_step: dict[int, object] = field(default_factory=dict)
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.facts = BackendFacts("cpu", "float32", Layout(1, self.lanes), 256, (END,), (1, 2))

    def generate(self, batch: Batch, on_token: OnToken) -> list[list[int]] | None:
        if batch.options.num_beams > 1:
            return [[10, 11, 12][: row.max_new_tokens] for row in batch.rows]
        shortest = min(len(row.tail) for row in batch.rows)
        live = set(range(len(batch.rows)))
        for step in range(99):
            if step in self.at_step:
                self.at_step[step]()  # type: ignore[operator]
            for index in sorted(live):
                count = step - (len(batch.rows[index].tail) - shortest)
                if count >= 0 and on_token(step, index, self.ids.get((index, count), 10 + count), None):
                    live.discard(index)
            if not live:
                break
        if self.error is not None:
            raise self.error
        return None


def batch(*rows: BatchRow, batch_id: int = 1, **more: object) -> Batch:
    return Batch(batch_id, (), rows, **{"options": Options(), **more})  # type: ignore[arg-type]


def row(new: int, tail: int = 2, stop_ids: tuple[int, ...] = ()) -> BatchRow:
    return BatchRow((1,) * tail, new, stop_ids)


def run(backend: Scripted, batch: Batch, cancellations: Cancellations | None = None) -> list[object]:
    cancellations = Cancellations() if cancellations is None else cancellations
    cancellations.expect(batch.batch_id)
    sent: list[object] = []
    process.run(backend, batch, cancellations, sent.append)
    assert not cancellations._batches
    return sent


def rows_of(sent: list[object]) -> dict[int, list[tuple[int, Reason | None]]]:
    rows: dict[int, list[tuple[int, Reason | None]]] = {}
    for message in sent:
        for token in message.tokens if isinstance(message, Step) else ():
            rows.setdefault(token.index, []).append((token.token_id, token.end))
    return rows


def test_every_step_is_one_message_with_its_number_and_then_the_batch_is_done():
    sent = run(Scripted(), batch(row(2), row(3, tail=4)))
    assert [(step.step, len(step.tokens)) for step in sent[:-1]] == [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)]
    assert sent[-1] == Done(1)
    sent = run(Scripted(), batch(row(1, tail=6), row(1)))
    assert [step.step for step in sent[:-1]] == [0, 4]  # steps that only force are not sent


def test_rows_end_by_their_own_limit_end_token_or_stop_token():
    backend = Scripted(ids={(1, 1): END})
    sent = run(backend, batch(row(2), row(9), row(9, stop_ids=(12,)), row(4, stop_ids=(13,))))
    ends = {index: (len(tokens), tokens[-1][1]) for index, tokens in rows_of(sent).items()}
    assert ends == {
        0: (2, Reason.MAX_TOKENS),
        1: (2, Reason.EOS),
        2: (3, Reason.STOP_TOKEN),
        3: (4, Reason.STOP_TOKEN),
    }


def test_stop_token_before_the_least_number_of_tokens_ends_nothing():
    sent = run(Scripted(), batch(row(5, stop_ids=(12,)), min_new_tokens=3))
    assert rows_of(sent)[0][-1] == (14, Reason.MAX_TOKENS)
    sent = run(Scripted(), batch(row(5, stop_ids=(12,)), min_new_tokens=2))
    assert rows_of(sent)[0][-1] == (12, Reason.STOP_TOKEN)


def test_cancelled_row_ends_at_its_next_token_and_its_siblings_go_on():
    cancellations = Cancellations()
    backend = Scripted(at_step={2: lambda: cancellations.add(Cancel(1, 0))})
    rows = rows_of(run(backend, batch(row(9), row(9)), cancellations))
    assert rows[0][-1] == (12, Reason.CANCELLED) and len(rows[1]) == 9


def test_cut_ends_every_row_at_its_next_token():
    cancellations = Cancellations()
    backend = Scripted(at_step={2: lambda: cancellations.add(Cut(1))})
    rows = rows_of(run(backend, batch(row(9), row(3), row(9, tail=4)), cancellations))
    assert rows[0][-1] == (12, Reason.CANCELLED)
    assert rows[1][-1] == (12, Reason.MAX_TOKENS)  # it was through anyway
    assert rows[2] == [(10, Reason.CANCELLED)]


def test_batch_cancelled_in_the_inbox_ends_with_its_first_tokens():
    cancellations = Cancellations()
    cancellations.expect(1)
    cancellations.add(Cancel(1, 0))
    cancellations.add(Cancel(7, 0))  # of a batch that is gone: lost, and nothing is kept of it
    sent: list[object] = []
    process.run(Scripted(), batch(row(9)), cancellations, sent.append)
    assert rows_of(sent) == {0: [(10, Reason.CANCELLED)]} and sent[-1] == Done(1)
    assert not cancellations._batches


def test_beams_come_whole_with_the_batch():
    sent = run(Scripted(), batch(row(3), row(5), options=Options(num_beams=2)))
    assert rows_of(sent)[0][-1] == (12, Reason.MAX_TOKENS)
    assert rows_of(sent)[1][-1] == (END, Reason.EOS)
    assert len(sent) == 2


@pytest.mark.parametrize(
    ("error", "out_of_memory"),
    [
        (ValueError("unknown token Ada Lovelace"), False),
        (RuntimeError("no kernel for this shape"), False),
        (RuntimeError("CUDA failed with error out of memory"), True),
        (RuntimeError("mkl_malloc: failed to allocate memory"), True),
        (MemoryError("std::bad_alloc"), True),
        (SystemExit(0), False),
    ],
)
def test_broken_batch_fails_in_one_line_without_text_of_a_request(error, out_of_memory):
    sent = run(Scripted(error=error), batch(row(2)))
    failed = sent[-1]
    assert isinstance(failed, Failed) and failed.batch_id == 1
    assert failed.out_of_memory is out_of_memory
    assert failed.message.startswith(type(error).__name__) and "Ada" not in failed.message


def test_error_in_the_callback_ends_the_batch_as_failed():
    class Broken(Cancellations):
        def of(self, batch_id):  # what the callback asks
            return 5

    failed = run(Scripted(), batch(row(9)), Broken())[-1]
    assert isinstance(failed, Failed) and failed.message == "TypeError"


def test_lost_gpu_ends_the_process_and_nothing_more_is_said_of_the_batch(monkeypatch):
    """The front then counts it as lost, and every row of it as a suspect."""

    def end(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(process.os, "_exit", end)
    error = RuntimeError("CUDA failed with error an illegal memory access was encountered")
    cancellations, sent = Cancellations(), []
    cancellations.expect(1)
    with pytest.raises(SystemExit) as exit:
        process.run(Scripted(error=error), batch(row(2)), cancellations, sent.append)
    assert exit.value.code == 3 and [type(message) for message in sent] == [Step, Step]


def test_impossible_batch_fails_and_its_lane_runs_the_next():
    backend, cancellations, sent = Scripted(), Cancellations(), []
    inbox: process.Inbox = queue.SimpleQueue()
    for each in (batch(batch_id=1), batch(row(1), batch_id=2)):
        cancellations.expect(each.batch_id)
        inbox.put(each)
    inbox.put(None)
    process.serve(backend, inbox, cancellations, sent.append)
    assert isinstance(sent[0], Failed) and sent[-1] == Done(2)


def test_lanes_run_at_the_same_time_and_all_end():
    together = threading.Barrier(2, timeout=5)
    backend = Scripted(lanes=2, at_step={0: together.wait})
    cancellations, inbox, sent = Cancellations(), queue.SimpleQueue(), []
    for batch_id in range(4):
        cancellations.expect(batch_id)
        inbox.put(batch(row(1), batch_id=batch_id))
    inbox.put(None)
    process.serve(backend, inbox, cancellations, sent.append)
    assert sorted(message.batch_id for message in sent if isinstance(message, Done)) == [0, 1, 2, 3]


def test_lane_that_cannot_even_tell_of_a_failure_ends_the_process(monkeypatch):
    codes: list[int] = []
    monkeypatch.setattr(process.os, "_exit", codes.append)

    def send(message: object) -> None:
        raise RuntimeError("cannot be pickled")

    cancellations, inbox = Cancellations(), queue.SimpleQueue()
    cancellations.expect(1)
    inbox.put(batch(row(1)))
    process.serve(Scripted(), inbox, cancellations, send)
    assert codes == [4]
