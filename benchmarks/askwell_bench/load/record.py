"""What one request of a load run went through, as its sender saw it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

OK = "OK"
UNFINISHED = "UNFINISHED"
FEWER_QUESTIONS = "FEWER_QUESTIONS"


@dataclass(frozen=True, slots=True)
class Record:
    """One request. Times are seconds on the sender's clock.

    ``scheduled_s`` is when the request was due: its arrival in an open loop, the moment its slot became free
    in a closed one. Every latency counts from there, not from ``sent_s``: a sender that is held up by a slow
    server must not hide the wait (coordinated omission). A piece is a token, or a finished question of a
    question set. ``status`` is OK, a gRPC status, the finish reason of a text that was cut short,
    FEWER_QUESTIONS for a set of fewer than asked, or UNFINISHED for an answer without its last message.
    """

    scheduled_s: float
    sent_s: float
    end_s: float
    status: str
    arrivals_s: tuple[float, ...] = ()
    """When each piece arrived, in order. Pieces that share a message share their time."""
    messages: int = 0
    """Messages that brought the pieces."""
    prompt_tokens: int = 0
    new_tokens: int = 0
    stages_s: Mapping[str, float] = field(default_factory=dict)
    """Where the server says the time went: queue, prefill, decode; or plan and write of a question set."""
    server_first_s: float | None = None
    """The server's own time from admission to the first piece."""
    batch_rows: int = 0
    batches: int = 1
    prefix_tokens: int = 0
    forced_tokens: int = 0
    ended_early: bool = False
    """The model ended its text before it was as long as asked."""
    model_questions: int = 0
    """Of a question set, how many the model wrote. Those of the bank cost nothing, and are no merit."""
    bank_questions: int = 0
    rows: int = 0
    """Of a set of prompts, how many were answered: its pieces. Its first token is told by the server's clock,
    for rows come back whole."""

    @property
    def ok(self) -> bool:
        return self.status == OK

    @property
    def lag_s(self) -> float:
        """How late the sender was."""
        return self.sent_s - self.scheduled_s

    @property
    def first_s(self) -> float | None:
        """Time to first token (or question). None when nothing arrived."""
        if self.rows:
            return None if self.server_first_s is None else self.lag_s + self.server_first_s
        return self.arrivals_s[0] - self.scheduled_s if self.arrivals_s else None

    @property
    def first_row_s(self) -> float | None:
        """Of a set of prompts: when the first of them was answered whole."""
        return self.arrivals_s[0] - self.scheduled_s if self.rows else None

    @property
    def end_to_end_s(self) -> float:
        return self.end_s - self.scheduled_s

    @property
    def per_piece_s(self) -> float | None:
        """Time per output token: (end to end - first) / (pieces - 1). None for fewer than two pieces,
        and for a set of prompts."""
        if self.rows or self.first_s is None or len(self.arrivals_s) < 2:
            return None
        return (self.end_to_end_s - self.first_s) / (len(self.arrivals_s) - 1)

    @property
    def gaps_s(self) -> list[float]:
        """Every gap between one piece and the next; 0 between pieces of one message."""
        return [after - before for before, after in pairwise(self.arrivals_s)]

    @property
    def outside_s(self) -> float | None:
        """Of the time to the first piece, what the server's own clock did not see: transport and client."""
        if self.rows or self.server_first_s is None or not self.arrivals_s:
            return None
        return self.arrivals_s[0] - self.sent_s - self.server_first_s
