"""What the engine is told once, at its start."""

from dataclasses import dataclass
from pathlib import Path

from .cost import DEFAULT_COST, CostModel


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Settings of the engine; already validated by the server's own configuration.

    ``devices`` are "auto", "cpu" or "cuda:N": one engine process each. ``compute_type`` "auto" keeps int8
    weights int8 and chooses the float type for the device. ``intra_threads`` 0 means as many as measure
    best (see ``backend``). ``queue_limit`` counts rows. ``max_batch_tokens`` bounds prompt plus new tokens
    over all rows of a batch, since the cache of each is copied at every step. ``coalesce_s`` is how long
    later pieces of a stream may wait for one another. ``full_range_ok`` lets a CPU without VNNI serve
    int8 weights that use the full range. ``cost_model`` is what the planner judges batches by.
    """

    model_dir: Path
    devices: tuple[str, ...] = ("auto",)
    compute_type: str = "auto"
    intra_threads: int = 0
    queue_limit: int = 256
    max_batch_rows: int = 16
    max_batch_tokens: int = 8192
    coalesce_s: float = 0.02
    full_range_ok: bool = False
    cost_model: CostModel = DEFAULT_COST
