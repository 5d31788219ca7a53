"""A row on its way through the engine: from admission to its one end."""

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import AskwellError
from .detokenize import Detokenizer
from .row import Finish, Piece, Reason, Row, Timing, Usage
from .stop import StopMatcher
from .stream import LiveRowStream
from .tokenizer import Tokenizer

_CONTEXT_TOKENS = 4  # of the prompt, enough for one character


@dataclass(frozen=True, slots=True)
class Boarding:
    """The batch that a row runs in."""

    started_s: float
    prefix_tokens: int
    forced_tokens: int
    batch_size: int


class Ticket:
    """Collects one row's tokens, turns them into text, and ends its stream exactly once.

    ``row`` is what the engine is to run: after a cut it has what was written as part of its prompt. ``asked``
    stays what was asked for.

    A token is released, to the stream and to the result, when the text up to it is: tokens that only spell a
    stop string are in neither.
    """

    def __init__(
        self,
        row: Row,
        tokenizer: Tokenizer,
        *,
        admitted_s: float,
        coalesce_s: Callable[[], float],
        on_cancel: Callable[["Ticket"], None],
        on_end: Callable[["Ticket"], None],
    ) -> None:
        self.row = self.asked = row
        self.stream = LiveRowStream(coalesce_s, lambda: on_cancel(self))
        self._on_end = on_end
        self.ended = False
        self.reason: Reason | None = None
        self.expired = False
        self.retried = False  # after a failure
        self.charged = False  # to its tenant, for the batch that it runs in
        self.share_s = 0.0  # of a lane's time, as predicted at admission
        self.predicted_s: float | None = None  # from admission to end
        self.admitted_s = admitted_s
        self._boarded_s = 0.0  # for the first time
        self._boarding: Boarding | None = None
        self._batches = 0
        self._first_s = self._last_s = 0.0
        self._detokenizer = Detokenizer(tokenizer.decode, row.prompt[-_CONTEXT_TOKENS:])
        self._stops = StopMatcher(row.stops, include_stop=row.include_stop)
        self._text = ""  # released
        self._length = 0  # of the text of all tokens, released or not
        self._ids: list[int] = []
        self._logprobs: list[float] = []
        self._ends_at: list[int] = []  # length of the text up to and including each token
        self._released = 0  # tokens

    @property
    def has_tokens(self) -> bool:
        return self._first_s > 0

    @property
    def new_tokens(self) -> int:
        """Generated so far, released or not."""
        return len(self._ids)

    @property
    def boarded(self) -> bool:
        """Whether it ever was in a batch."""
        return self._boarding is not None

    def board(self, boarding: Boarding) -> None:
        self._boarding = boarding
        self._boarded_s = self._boarded_s or boarding.started_s
        self._batches += 1

    def take(self, token_id: int, logprob: float | None, end: Reason | None, at_s: float) -> None:
        """One more token from the engine. Tokens that come after the row's end are ignored."""
        if self.ended:
            return
        self._first_s = self._first_s or at_s
        self._last_s = at_s
        if end not in (Reason.EOS, Reason.STOP_TOKEN):
            self._ids.append(token_id)
            if logprob is not None and self.row.options.logprobs:
                self._logprobs.append(logprob)
            text = self._detokenizer.push(token_id)
            self._length += len(text)
            self._ends_at.append(self._length)
            self._advance(text)
        if end is not None and not self.ended:
            self.finish(end)

    def finish(self, reason: Reason) -> None:
        """End the row with what it has. Idempotent."""
        if self.ended:
            return
        rest = self._detokenizer.flush()
        self._length += len(rest)
        self._advance(rest)
        if not self.ended:
            self._release(self._stops.flush(), len(self._ids))
            self._end(self._finish(reason))

    def fail(self, error: AskwellError) -> None:
        """End the row without a result. Idempotent."""
        if not self.ended:
            self._end(error)

    def _advance(self, text: str) -> None:
        """Release what new text makes certain; end the row when it completes a stop string."""
        certain = self._stops.push(text)
        length = len(self._text) + len(certain.text)
        if certain.stop:
            begun = sum(1 for before in [0, *self._ends_at[:-1]] if before < length) if self._ids else 0
            self._release(certain.text, max(begun, self._released))
            self._end(self._finish(Reason.STOP_SEQUENCE, certain.stop))
            return
        count = self._released
        while count < len(self._ids) and self._ends_at[count] <= length:
            count += 1
        self._release(certain.text, count)

    def _release(self, text: str, count: int) -> None:
        """Release text, and tokens up to ``count``."""
        self._text += text
        new = slice(self._released, count)
        if text or self._ids[new]:
            self.stream.push(Piece(text, tuple(self._ids[new]), tuple(self._logprobs[new])))
        self._released = count

    def _finish(self, reason: Reason, stop: str = "") -> Finish:
        self.reason = reason
        ids, logprobs = self._ids[: self._released], self._logprobs[: self._released]
        return Finish(reason, self._text, stop, tuple(ids), tuple(logprobs), self._timing(), self._usage())

    def _end(self, end: Finish | AskwellError) -> None:
        self.ended = True
        self.stream.end(end)
        self._on_end(self)

    def _timing(self) -> Timing:
        if not self.boarded or not self.has_tokens:
            return Timing()
        return Timing(
            queue_s=self._boarded_s - self.admitted_s,
            prefill_s=self._first_s - self._boarded_s,
            decode_s=self._last_s - self._first_s,
            first_token_s=self._first_s - self.admitted_s,
        )

    def _usage(self) -> Usage:
        boarding = self._boarding or Boarding(0.0, 0, 0, 0)
        return Usage(
            prompt_tokens=len(self.asked.prompt),
            new_tokens=self._released,
            prefix_tokens=boarding.prefix_tokens,
            forced_tokens=boarding.forced_tokens,
            batch_size=boarding.batch_size,
            batches=self._batches,
        )
