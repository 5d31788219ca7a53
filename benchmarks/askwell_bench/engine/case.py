"""What is run once, and the times that it took."""

import json
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from askwell_server.engine.cost import CostModel

_TAIL = 4  # tokens that a row has of its own behind a prefix that is there to make context cheaply


@dataclass(frozen=True, slots=True)
class Case:
    """One call of generate_batch: random prompts, greedy unless ``top_k`` is not 1.

    ``tails`` are the lengths of the rows' prompts behind a static prompt of ``prefix`` tokens, the shortest
    first; ``cached`` keeps that prefix from one run to the next. The batch ends after ``steps`` decoding
    steps, those that force a longer prompt's tokens included.
    """

    tails: tuple[int, ...]
    steps: int
    prefix: int = 0
    cached: bool = False
    top_k: int = 1
    top_p: float = 1.0

    @classmethod
    def decode(cls, rows: int, context: int, steps: int, top_k: int = 1, top_p: float = 1.0) -> "Case":
        """Steps around a context of ``context`` tokens a row, most of it computed once for all rows."""
        prompt = max(2, context - steps // 2)
        prefix = max(0, prompt - _TAIL)
        return cls((prompt - prefix,) * rows, steps, prefix, top_k=top_k, top_p=top_p)

    def expected_s(self, cost: CostModel) -> float:
        """Seconds by a cost model."""
        length, rows = self.prefix + min(self.tails), len(self.tails)
        step_s = cost.step_s(rows, length + self.steps / 2)
        return cost.prefill_s(rows, length, self.prefix) + self.steps * step_s

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Case":
        data = json.loads(text)
        return cls(**{**data, "tails": tuple(data["tails"])})


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds from the call to the end of its first step, and of each step after it."""

    first_s: float
    steps_s: tuple[float, ...]

    @property
    def step_s(self) -> float:
        """Of the median step."""
        return statistics.median(self.steps_s)

    @property
    def prefill_s(self) -> float:
        """The first step makes a token like any other; what it takes longer is the prefill."""
        return self.first_s - self.step_s

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def expected_s(cases: Iterable[Case], cost: CostModel | None) -> float:
    """Seconds that cases take together; 0 where nothing is known yet."""
    return sum(case.expected_s(cost) for case in cases) if cost else 0.0
