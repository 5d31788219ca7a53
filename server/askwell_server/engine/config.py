"""What the engine is told once, at its start."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from askwell_manifest import Thresholds

from .cost import CostModel

Policy: TypeAlias = Literal["full", "equal-length", "fifo"]


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Settings of the engine; already validated by the server's own configuration.

    ``devices`` are "auto", "cpu" or "cuda:N": one engine process each. ``compute_type`` "auto" keeps int8
    weights int8 and chooses the float type for the device. ``intra_threads`` and ``inter_threads`` 0 mean
    what measures best (see ``backend``). ``queue_limit`` counts rows. ``max_batch_tokens`` bounds prompt plus
    new tokens over all rows of a batch, since the cache of each is copied at every step; 0 leaves that to the
    device's memory. ``max_batch_s`` is how long a batch may keep others waiting before it may be cut.
    ``max_request_s`` is the deadline of a request that names none; callers may only shorten it. ``policy`` is
    how batches are put together; all but "full" are there to be compared with. ``prefixes`` are beginnings of
    prompts, in text, that are computed once and kept, in at most ``prefix_budget_mb`` of memory.
    ``coalesce_s`` is how long later pieces of a stream may wait for one another, up to a tenth of a second in
    a crowd. ``full_range_ok`` lets a CPU without VNNI serve int8 weights that use the full range.
    ``cost_model`` None is measured at the start. ``thresholds`` are what the model's certificate must pass;
    None asks for none.
    """

    model_dir: Path
    devices: tuple[str, ...] = ("auto",)
    compute_type: str = "auto"
    intra_threads: int = 0
    inter_threads: int = 0
    queue_limit: int = 256
    max_batch_rows: int = 16
    max_batch_tokens: int = 0
    max_batch_s: float = 0.1
    max_request_s: float = 600.0
    policy: Policy = "full"
    prefixes: tuple[str, ...] = ()
    prefix_budget_mb: int = 256
    coalesce_s: float = 0.02
    full_range_ok: bool = False
    cost_model: CostModel | None = None
    thresholds: Thresholds | None = None
