"""What the engine has done since it started: numbers, counted where things happen, read by the metrics."""

from collections import Counter
from dataclasses import dataclass, field, fields

from .cost import CostModel


@dataclass(slots=True)
class Statistics:
    """Counts only grow. Tokens count once for every batch that a row ran in: a cut shows as work done twice.

    ``batches`` were started, with ``rows`` in all; ``cuts`` of them were cut short. ``prompt_tokens`` went
    into batches, of which ``prefix_tokens`` were shared with the rest of the batch and ``forced_tokens`` cost
    a step each. ``restarts`` counts engine processes that had to be replaced. ``refused`` counts rows by a
    short fixed reason, never by anything a client wrote. ``cost`` is the cost model as corrected so far, None
    before the engine is ready.
    """

    batches: int = 0
    rows: int = 0
    cuts: int = 0
    new_tokens: int = 0
    prompt_tokens: int = 0
    prefix_tokens: int = 0
    forced_tokens: int = 0
    restarts: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    cost: CostModel | None = None

    def __add__(self, other: "Statistics") -> "Statistics":
        """Both together; the cost model is the other's, if it has one."""
        counts = {
            f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self) if f.name != "cost"
        }
        return Statistics(**counts, cost=other.cost or self.cost)
