"""A batch while it runs: whose it is, how far it came, and how long it should take."""

import asyncio
import math
import time
from collections.abc import Sequence

from .cost import CostModel
from .cut import continued
from .messages import Batch, Step
from .planner import Expect
from .row import Reason, Row
from .ticket import Ticket


class Running:
    """A batch on a device: its tickets by index, and when it began (``time.monotonic()``).

    Beside the tokens it keeps what the cost model says of the same steps, so that prediction and observation
    can be compared in the end.
    """

    def __init__(self, batch: Batch, tickets: Sequence[Ticket], cost: CostModel, seconds: float) -> None:
        self.batch = batch
        self.tickets = tuple(tickets)
        self.started_s = self.progress_s = time.monotonic()
        self.cut = False
        self.abandoned: asyncio.TimerHandle | None = None  # when nobody waits for it any more
        self.new_tokens = 0
        self._seconds = seconds
        self._cost = cost = cost.with_beams(batch.options.num_beams)
        self._written: list[list[int]] = [[] for _ in tickets]
        self._left: set[int] = set()  # indices of rows that the batch no longer computes
        lengths = [len(batch.prefix) + len(row.tail) for row in batch.rows]
        self._shortest = min(lengths)
        self._step = 0
        self._first_s = 0.0
        prefill_s = cost.prefill_s(len(lengths), self._shortest, len(batch.prefix), cached=batch.cached)
        self._predicted_prefill_s = prefill_s + cost.step_s(len(lengths), self._shortest)
        self._predicted_decode_s = 0.0

    @property
    def live(self) -> list[Ticket]:
        return [ticket for ticket in self.tickets if not ticket.ended]

    @property
    def next_gap_s(self) -> float:
        """Seconds that the model allows until the next sign of progress. A step that only forces prompts
        gives
        none."""
        if self.batch.options.num_beams > 1:
            return self._seconds
        if not self._first_s:
            return self._predicted_prefill_s
        live = [i for i in range(len(self.tickets)) if i not in self._left]
        steps = 1 + min((self._forced_left(i) for i in live), default=0)
        return steps * self._cost.step_s(len(live), self._shortest + self._step + steps)

    def rest_s(self, now_s: float, expect: Expect) -> float:
        """Seconds until the batch should be over, if every row that is left writes what is expected."""
        steps = sorted(
            self._expected_left(i, expect) + self._forced_left(i)
            for i, ticket in enumerate(self.tickets)
            if not ticket.ended
        )
        rest_s = self._predicted_prefill_s if not self._first_s else 0.0
        done, context = 0, self._shortest + self._step
        for live, last in zip(range(len(steps), 0, -1), steps, strict=True):
            rest_s += (last - done) * self._cost.step_s(live, context + (last + done) / 2)
            done = last
        return max(0.0, rest_s - (now_s - self.progress_s))

    def stop_waiting(self) -> None:
        """It is over: nobody needs to give it up."""
        if self.abandoned is not None:
            self.abandoned.cancel()

    def take(self, step: Step) -> list[Ticket]:
        """The tokens of a step. Returns the tickets that ended by something the engine does not know."""
        self._time(step)
        ended_here = []
        for token in step.tokens:
            end = token.end
            if end is not None:
                self._left.add(token.index)
            if end is Reason.CANCELLED:
                end = None  # its caller's doing, and then it has ended here; or it goes on in another batch
            ticket = self.tickets[token.index]
            if not ticket.ended:
                self.new_tokens += 1
            self._written[token.index].append(token.token_id)
            ticket.take(token.token_id, token.logprob, end, step.at_s)
            if ticket.ended and token.end is None:
                ended_here.append(ticket)
        return ended_here

    def unfinished(self) -> list[tuple[Ticket, Row]]:
        """The tickets that have not ended, each with the row that it would go on with."""
        return [
            (ticket, continued(ticket.row, self._written[i]))
            for i, ticket in enumerate(self.tickets)
            if not ticket.ended and len(self._written[i]) < ticket.row.max_new_tokens
        ]

    def timing(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Predicted and taken seconds: of prefill and first step, and of all later steps. None without
        any."""
        if not self._first_s or self.batch.options.num_beams > 1:
            return None
        prefill_s = self._predicted_prefill_s, self._first_s - self.started_s
        return prefill_s, (self._predicted_decode_s, self.progress_s - self._first_s)

    def _expected_left(self, index: int, expect: Expect) -> int:
        """New tokens that a row will still write: of what is left it writes such a share as of the whole."""
        row, written = self.tickets[index].row, len(self._written[index])
        expected = expect(row)
        share = expected / row.max_new_tokens
        return max(1, expected - written, math.ceil(share * (row.max_new_tokens - written)))

    def _forced_left(self, index: int) -> int:
        """Steps until a row's prompt is used up."""
        first = len(self.batch.rows[index].tail) - (self._shortest - len(self.batch.prefix))
        return max(0, first - self._step)

    def _time(self, step: Step) -> None:
        if not self._first_s:
            self._first_s = step.at_s
            self._step = step.step
        live = len(self.tickets) - len(self._left)
        while self._step < step.step:  # a gap is a step that only forces prompts
            self._step += 1
            self._predicted_decode_s += self._cost.step_s(live, self._shortest + self._step)
        self.progress_s = step.at_s
