"""The engine process: loads the model, then runs one batch after another.

The main thread generates; a reader thread takes messages, so that a cancellation reaches a running batch and
a front that died ends this process at once, whatever runs.
"""

import os
import queue
import sys
import threading
from multiprocessing.connection import Connection
from time import monotonic
from typing import Any

from ..child import connect
from .backend import Backend, CTranslate2Backend
from .folder import ModelRefused
from .messages import Batch, Cancel, Done, Failed, Load, Quit, Ready, Refused, Step, Token
from .row import Reason

# The callback waits for the interpreter lock once a token while the device idles; 5 ms (the default) is long.
_SWITCH_INTERVAL_S = 5e-4
_FRONT_IS_GONE = 1
_DEVICE_IS_LOST = 3

Inbox = queue.SimpleQueue[Batch | None]


class Cancellations:
    """The rows to drop, written by the reader and read once a token."""

    def __init__(self) -> None:
        self._rows: set[tuple[int, int]] = set()

    def add(self, cancel: Cancel) -> None:
        self._rows.add((cancel.batch_id, cancel.index))

    def __contains__(self, row: tuple[int, int]) -> bool:
        return row in self._rows

    def forget(self, batch_id: int) -> None:
        """Drop what concerns this batch or an earlier one: batches run in the order of their ids."""
        self._rows = {row for row in set(self._rows) if row[0] > batch_id}


class BatchRun:
    """One running batch: decides which token ends which row, and sends each step's tokens in one message.

    Row i gives its first token at the step by which its prompt is used up: the shortest prompt is prefilled
    at once, what others have on top is forced one step at a time. So the last token of a step is known, and
    nothing waits for the next one.
    """

    def __init__(
        self, batch: Batch, end_ids: tuple[int, ...], cancelled: Cancellations, out: Connection
    ) -> None:
        self._batch = batch
        self._end_ids = frozenset(end_ids)
        self._cancelled = cancelled
        self._out = out
        shortest = min(len(row.tail) for row in batch.rows)
        self._first_steps = {i: len(row.tail) - shortest for i, row in enumerate(batch.rows)}  # of live rows
        self._counts = [0] * len(batch.rows)
        self._tokens: list[Token] = []
        self._step = -1
        self._expected = 0
        self.error: BaseException | None = None

    def on_token(self, step: int, index: int, token_id: int, logprob: float | None) -> bool:
        """Whether the row ends with this token. Never raises: that would tear the engine down."""
        try:
            return self._take(step, index, token_id, logprob)
        except BaseException as error:
            self.error = error
            return True

    def _take(self, step: int, index: int, token_id: int, logprob: float | None) -> bool:
        if step != self._step:
            self._send()
            self._step = step
            self._expected = sum(first <= step for first in self._first_steps.values())
        end = self._end(index, token_id)
        if end is not None:
            self._first_steps.pop(index, None)
        self._tokens.append(Token(index, token_id, logprob, end))
        if len(self._tokens) == self._expected:
            self._send()
        return end is not None

    def _end(self, index: int, token_id: int) -> Reason | None:
        self._counts[index] += 1
        if token_id in self._end_ids:
            return Reason.EOS
        if self._counts[index] >= self._batch.rows[index].max_new_tokens:
            return Reason.MAX_TOKENS
        if self.error is not None or (self._batch.batch_id, index) in self._cancelled:
            return Reason.CANCELLED
        return None

    def take_beams(self, sequences: list[list[int]]) -> None:
        """The tokens of a batch that did not stream."""
        for index, ids in enumerate(sequences):
            limit = self._batch.rows[index].max_new_tokens
            for count, token_id in enumerate(ids, 1):
                end = Reason.MAX_TOKENS if count == limit else None
                self._tokens.append(Token(index, token_id, None, end))
            if len(ids) < limit:
                self._tokens.append(Token(index, min(self._end_ids), None, Reason.EOS))

    def close(self) -> None:
        """Send what is left and tell how the batch ended."""
        self._send()
        if self.error is not None:
            self._out.send(Failed(self._batch.batch_id, _line(self.error)))
        else:
            self._out.send(Done(self._batch.batch_id))

    def _send(self) -> None:
        if self._tokens:
            self._out.send(Step(self._batch.batch_id, monotonic(), tuple(self._tokens)))
            self._tokens = []


def run(backend: Backend, batch: Batch, cancelled: Cancellations, out: Connection) -> None:
    """Run one batch; an error of the engine ends the batch, not the process, unless the device is lost."""
    batch_run = BatchRun(batch, backend.facts.end_ids, cancelled, out)
    try:
        sequences = backend.generate(batch, batch_run.on_token)
        if sequences is not None:
            batch_run.take_beams(sequences)
    except Exception as error:
        batch_run.error = error
    cancelled.forget(batch.batch_id)
    batch_run.close()
    if batch_run.error is not None and _is_sticky(batch_run.error):
        os._exit(_DEVICE_IS_LOST)


def main() -> None:
    connection = connect()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        load = connection.recv()
    except EOFError:
        return
    inbox: Inbox = queue.SimpleQueue()
    cancelled = Cancellations()
    threading.Thread(target=_receive, args=(connection, inbox, cancelled), daemon=True).start()
    try:
        _serve(load, connection, inbox, cancelled)
    except ConnectionError:
        os._exit(_FRONT_IS_GONE)


def _serve(load: Load, connection: Connection, inbox: Inbox, cancelled: Cancellations) -> None:
    # The backend is a local: it must be gone before the process exits, or CTranslate2 may abort.
    try:
        backend = CTranslate2Backend(load)
    except ModelRefused as refusal:
        connection.send(Refused(str(refusal)))
        return
    facts = backend.facts
    connection.send(Ready(facts.device, facts.compute_type, facts.threads))
    while (batch := inbox.get()) is not None:
        run(backend, batch, cancelled, connection)


def _receive(connection: Connection, inbox: Inbox, cancelled: Cancellations) -> None:
    while True:
        try:
            message: Any = connection.recv()
        except (EOFError, OSError):
            os._exit(_FRONT_IS_GONE)
        if isinstance(message, Batch):
            inbox.put(message)
        elif isinstance(message, Cancel):
            cancelled.add(message)
        elif isinstance(message, Quit):
            inbox.put(None)


def _line(error: BaseException) -> str:
    """One line for the log. Only errors of the run time are quoted: others may quote a token."""
    text = f": {' '.join(str(error).split())}" if isinstance(error, RuntimeError) else ""
    return type(error).__name__ + text


def _is_sticky(error: BaseException) -> bool:
    """Whether the device context is beyond use: any CUDA error but a lack of memory."""
    text = str(error)
    return isinstance(error, RuntimeError) and "CUDA" in text and "out of memory" not in text


if __name__ == "__main__":
    main()
