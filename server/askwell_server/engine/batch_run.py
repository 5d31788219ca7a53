"""One running batch as the engine process sees it: which token ends which row, and what is told of it."""

from collections.abc import Callable
from time import monotonic
from typing import TypeAlias

from .failure import Failure
from .messages import Batch, Cancel, Cut, Step, Token
from .row import Reason

Send: TypeAlias = Callable[[object], None]


class Withdrawn:
    """The rows of a batch that are to end at their next token: written by the reader, read once a token."""

    def __init__(self) -> None:
        self._indices: set[int] = set()
        self._all = False

    def add(self, message: Cancel | Cut) -> None:
        if isinstance(message, Cut):
            self._all = True
        else:
            self._indices.add(message.index)

    def __contains__(self, index: int) -> bool:
        return self._all or index in self._indices


class Cancellations:
    """What was withdrawn from each batch that is here, in the inbox or on a lane.

    The reader expects a batch before it reads the next message, so no word about one comes too soon; what
    comes after the batch was forgotten is lost, as it may be. Every method is one look-up in a dictionary:
    the interpreter lock is lock enough.
    """

    def __init__(self) -> None:
        self._batches: dict[int, Withdrawn] = {}

    def expect(self, batch_id: int) -> None:
        self._batches[batch_id] = Withdrawn()

    def add(self, message: Cancel | Cut) -> None:
        if (withdrawn := self._batches.get(message.batch_id)) is not None:
            withdrawn.add(message)

    def of(self, batch_id: int) -> Withdrawn:
        return self._batches[batch_id]

    def forget(self, batch_id: int) -> None:
        self._batches.pop(batch_id, None)


class BatchRun:
    """Decides which token ends which row, and sends each step's tokens in one message.

    Row i gives its first token at the step by which its prompt is used up: the shortest prompt is prefilled
    at once, what others have on top is forced one step at a time. So the last token of a step is known, and
    nothing waits for the next one.

    Its methods are called by one thread at a time: the engine's while the batch runs, the lane's after it.
    ``failure`` says why the batch broke off, None while nothing is wrong.
    """

    def __init__(self, batch: Batch, end_ids: tuple[int, ...], withdrawn: Withdrawn, send: Send) -> None:
        self.failure: Failure | None = None
        self._batch = batch
        self._end_ids = frozenset(end_ids)
        self._withdrawn = withdrawn
        self._send_message = send
        shortest = min(len(row.tail) for row in batch.rows)
        self._first_steps = {i: len(row.tail) - shortest for i, row in enumerate(batch.rows)}  # of live rows
        self._counts = [0] * len(batch.rows)
        self._tokens: list[Token] = []
        self._step = -1
        self._expected = 0

    def on_token(self, step: int, index: int, token_id: int, logprob: float | None) -> bool:
        """Whether the row ends with this token. Never raises: that would tear the engine down."""
        try:
            return self._take(step, index, token_id, logprob)
        except BaseException as error:
            self.failure = Failure.from_error(error)
            return True

    def take_beams(self, sequences: list[list[int]]) -> None:
        """The tokens of a batch that did not stream: all of them at its last step."""
        self._step = max(map(len, sequences)) - 1
        for index, ids in enumerate(sequences):
            limit = self._batch.rows[index].max_new_tokens
            for count, token_id in enumerate(ids, 1):
                end = Reason.MAX_TOKENS if count == limit else None
                self._tokens.append(Token(index, token_id, None, end))
            if len(ids) < limit:
                self._tokens.append(Token(index, min(self._end_ids), None, Reason.EOS))

    def flush(self) -> None:
        """Send the tokens that are still here."""
        if self._tokens:
            tokens, self._tokens = tuple(self._tokens), []
            self._send_message(Step(self._batch.batch_id, self._step, monotonic(), tokens))

    def _take(self, step: int, index: int, token_id: int, logprob: float | None) -> bool:
        if step != self._step:
            self.flush()
            self._step = step
            self._expected = sum(first <= step for first in self._first_steps.values())
        end = self._end(index, token_id)
        if end is not None:
            self._first_steps.pop(index, None)
        self._tokens.append(Token(index, token_id, logprob, end))
        if len(self._tokens) == self._expected:
            self.flush()
        return end is not None

    def _end(self, index: int, token_id: int) -> Reason | None:
        """The engine itself keeps end tokens out before the least number of tokens, but not stop tokens."""
        self._counts[index] += 1
        row, count = self._batch.rows[index], self._counts[index]
        if token_id in self._end_ids:
            return Reason.EOS
        if token_id in row.stop_ids and count > self._batch.min_new_tokens:
            return Reason.STOP_TOKEN
        if count >= row.max_new_tokens:
            return Reason.MAX_TOKENS
        if self.failure is not None or index in self._withdrawn:
            return Reason.CANCELLED
        return None
