"""What the front and an engine process say to each other."""

from dataclasses import dataclass
from pathlib import Path

from .row import Options, Reason


@dataclass(frozen=True, slots=True)
class Load:
    """Front → engine, first: what to load. Answered by Ready or Refused."""

    model_dir: Path
    device: str
    compute_type: str
    intra_threads: int
    full_range_ok: bool


@dataclass(frozen=True, slots=True)
class Ready:
    """Loaded and warm, on ``device`` ("cpu" or "cuda:N")."""

    device: str
    compute_type: str
    threads: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Cannot be loaded; the process ends. ``message`` is one line for a person."""

    message: str


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One row of a batch: the prompt after the batch's prefix, and the row's own limit."""

    tail: tuple[int, ...]
    max_new_tokens: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Front → engine: rows to generate together. Answered by Steps, then Done or Failed."""

    batch_id: int
    prefix: tuple[int, ...]
    rows: tuple[BatchRow, ...]
    options: Options


@dataclass(frozen=True, slots=True)
class Cancel:
    """Front → engine: drop a row at its next token. Too late is no error."""

    batch_id: int
    index: int


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
    """The tokens of one decoding step, at ``at_s`` on ``time.monotonic()``, the clock of all processes."""

    batch_id: int
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
