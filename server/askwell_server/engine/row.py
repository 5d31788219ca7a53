"""The nouns of the engine: what is asked of it, and what it answers.

A row is one sequence to generate. Rows with equal ``Options`` may share a batch.
"""

from dataclasses import dataclass, field
from enum import Enum, IntEnum


class Priority(IntEnum):
    """Whose row goes first. The numbers are those of the API's Priority; the lowest is served first."""

    INTERACTIVE = 1
    NORMAL = 2
    BATCH = 3


@dataclass(frozen=True, slots=True)
class Options:
    """How tokens are chosen: what rows must have in common to share a batch. Already validated.

    ``suppressed`` are runs of token ids that are never generated. ``reproducible`` asks for the same tokens
    in any company, which int8 gives only to rows of equal length without a shared prefix.
    """

    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 0.95
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    num_beams: int = 1
    logprobs: bool = False
    suppressed: tuple[tuple[int, ...], ...] = ()
    reproducible: bool = False

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is always taken. CTranslate2 overflows at tiny temperatures."""
        return self.temperature < 0.01 or self.top_k == 1

    @property
    def looks_back(self) -> bool:
        """Whether the choice of a token depends on which earlier tokens were generated or forced, and not
        prefilled (facts: batch-dependent results)."""
        return (
            self.repetition_penalty != 1.0
            or self.no_repeat_ngram_size > 0
            or any(len(run) > 1 for run in self.suppressed)
        )

    @property
    def equal_lengths(self) -> bool:
        """Whether rows may only share a batch at exactly equal prompt lengths."""
        return self.looks_back or self.reproducible or self.num_beams > 1

    @property
    def divisible(self) -> bool:
        """Whether a row may be cut short and go on in another batch, what it has written being prompt
        then."""
        return not self.equal_lengths


@dataclass(frozen=True, slots=True)
class Row:
    """One sequence to generate.

    ``prompt`` holds at least one token id; prompt + ``max_new_tokens`` fits the model's positions. No token
    that ends a text comes before ``min_new_tokens``. ``stop_ids`` end the row like an end of text. Both times
    are on ``time.monotonic()``'s clock: at ``deadline_s`` nobody waits any more, at ``limit_s`` the row ends
    with what it has. ``tenant`` is who shares the engine fairly with others.
    """

    prompt: tuple[int, ...]
    options: Options
    max_new_tokens: int
    min_new_tokens: int = 0
    stops: tuple[str, ...] = ()
    include_stop: bool = False
    stop_ids: tuple[int, ...] = ()
    deadline_s: float | None = None
    limit_s: float | None = None
    priority: Priority = Priority.NORMAL
    tenant: str = ""
    request_id: str = ""


class Reason(Enum):
    """Why a row ended. The names are those of the API's FinishReason."""

    EOS = "EOS"
    STOP_TOKEN = "STOP_TOKEN"
    MAX_TOKENS = "MAX_TOKENS"
    STOP_SEQUENCE = "STOP_SEQUENCE"
    TIME_LIMIT = "TIME_LIMIT"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: admission → batch start → first token → last token."""

    queue_s: float = 0.0
    prefill_s: float = 0.0
    decode_s: float = 0.0
    first_token_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one row, the size of the batch it ran in at last, and in how many batches it ran: one more
    for each time it was cut, or its engine died."""

    prompt_tokens: int = 0
    new_tokens: int = 0
    prefix_tokens: int = 0
    forced_tokens: int = 0
    batch_size: int = 0
    batches: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that became certain, and the tokens generated since the last piece (they may run ahead)."""

    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a row, with everything it generated. ``token_ids`` leave out the end-of-text token."""

    reason: Reason
    text: str
    stop: str = ""
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    timing: Timing = field(default_factory=Timing)
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the engine is.

    ``predicted_wait_s`` is how long a row of normal priority would wait now. ``capacity_tokens_s`` are the
    new tokens a second that the engine gave while it was busy of late, 0 before it was. ``prediction_error``
    is the median relative error of the cost model over recent batches, None before there were any.
    """

    queued_rows: int
    running_rows: int
    queue_limit: int
    ready_engines: int
    engines: int
    predicted_wait_s: float = 0.0
    capacity_tokens_s: float = 0.0
    prediction_error: float | None = None
