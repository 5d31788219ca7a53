"""What the front and an engine process say to each other."""

from dataclasses import dataclass
from pathlib import Path

from askwell_manifest import Thresholds

from .cost import CostModel
from .row import Options, Reason


@dataclass(frozen=True, slots=True)
class Load:
    """Front → engine, first: what to load. Answered by Ready or Refused.

    ``intra_threads`` and ``inter_threads`` 0: the engine measures. ``cost`` is None when it is to be measured
    as well. ``prefixes`` are the prompts' beginnings that the operator registered: computed now, kept for
    good. ``thresholds``: the model's certificate must pass them, if there are any.
    """

    model_dir: Path
    device: str
    compute_type: str
    intra_threads: int
    inter_threads: int
    full_range_ok: bool
    cost: CostModel | None = None
    prefixes: tuple[tuple[int, ...], ...] = ()
    thresholds: Thresholds | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """Loaded and warm, on ``device`` ("cpu" or "cuda:N").

    ``lanes`` batches run at the same time, each with ``threads`` threads. ``cost`` is what a batch costs
    while all lanes are busy. ``cached_token_bytes`` is what one token of one row takes in the cache, 0 if
    unknown; ``free_bytes`` is the device's memory left for caches, None if unknown.
    """

    device: str
    compute_type: str
    threads: int
    lanes: int
    cost: CostModel
    cached_token_bytes: int = 0
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Cannot be loaded; the process ends. ``message`` is one line for a person."""

    message: str


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One row of a batch: the prompt after the batch's prefix, the row's own limit, and what ends it besides
    an end of text."""

    tail: tuple[int, ...]
    max_new_tokens: int
    stop_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Front → engine: rows to generate together. Answered by Steps, then Done or Failed.

    No end of text comes before ``min_new_tokens``: a row that needs more of them ends at its own limit
    anyway. ``cached`` says that the prefix is a registered one.
    """

    batch_id: int
    prefix: tuple[int, ...]
    rows: tuple[BatchRow, ...]
    options: Options
    min_new_tokens: int = 0
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Cancel:
    """Front → engine: drop a row at its next token. Too late is no error."""

    batch_id: int
    index: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Front → engine: every row of a batch ends with its next token, as CANCELLED, and goes on in another."""

    batch_id: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Front → engine: are you there? Answered by Pong at once, whatever runs."""


@dataclass(frozen=True, slots=True)
class Pong:
    """The process lives."""


@dataclass(frozen=True, slots=True)
class Quit:
    """Front → engine: finish what runs, then end with exit code 0."""


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token of row ``index``. ``end`` is set on the row's last."""

    index: int
    token_id: int
    logprob: float | None
    end: Reason | None


@dataclass(frozen=True, slots=True)
class Step:
    """The tokens of decoding step ``step``, from 0, at ``at_s`` on ``time.monotonic()``, the clock of all
    processes. A step that only forces prompt tokens has none and is not sent."""

    batch_id: int
    step: int
    at_s: float
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """Every row of the batch has ended."""

    batch_id: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The batch broke off. ``message`` is for the log and holds no text of a request."""

    batch_id: int
    message: str
    out_of_memory: bool = False
