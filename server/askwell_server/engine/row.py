"""The nouns of the engine: what is asked of it, and what it answers.

A row is one sequence to generate. Rows with equal ``Options`` may share a batch.
"""

from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True)
class Options:
    """How tokens are chosen: what rows must have in common to share a batch. Already validated."""

    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 0.95
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    num_beams: int = 1
    min_new_tokens: int = 0
    logprobs: bool = False

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is always taken. CTranslate2 overflows at tiny temperatures."""
        return self.temperature < 0.01 or self.top_k == 1

    @property
    def sees_forced_tokens(self) -> bool:
        """Whether results depend on how much of the prompt is forced (facts: batch-dependent results)."""
        return self.repetition_penalty != 1.0 or self.no_repeat_ngram_size > 0


@dataclass(frozen=True, slots=True)
class Row:
    """One sequence to generate.

    ``prompt`` holds at least one token id; prompt + ``max_new_tokens`` fits the model's positions.
    ``deadline_s`` is on ``time.monotonic()``'s clock.
    """

    prompt: tuple[int, ...]
    options: Options
    max_new_tokens: int
    stops: tuple[str, ...] = ()
    include_stop: bool = False
    deadline_s: float | None = None
    request_id: str = ""


class Reason(Enum):
    """Why a row ended. The names are those of the API's FinishReason."""

    EOS = "EOS"
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
    """Tokens of one row, and the size of the batch it started in."""

    prompt_tokens: int = 0
    new_tokens: int = 0
    prefix_tokens: int = 0
    forced_tokens: int = 0
    batch_size: int = 0


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
    """How busy the engine is."""

    queued_rows: int
    running_rows: int
    queue_limit: int
    ready_engines: int
    engines: int
