"""The requests of a simulation: those that the load run sends, as the engine sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from askwell_server.engine.row import Options, Row

from ..load.arrival import gamma_arrivals
from ..load.trace import read_trace
from ..load.workload import Continuation, PromptSet, Vocabulary, Work, traced
from ..load.workload_file import WorkloadFile
from .arrival import Arrival

_GREEDY = Options(temperature=0.0)
_SAMPLED = Options(temperature=0.7, top_k=50, top_p=0.95)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Work, and when it is due in seconds from the start.

    With a ``ceiling`` every row allows so many new tokens, and how many it will write is known to nobody.
    """

    work: Sequence[Work]
    offsets_s: Sequence[float]
    ceiling: int | None = None

    @property
    def rate(self) -> float:
        """Requests a second, on average."""
        return len(self.offsets_s) / self.offsets_s[-1] if self.offsets_s[-1] else 0.0

    def arrivals(self, stretch: float = 1.0) -> list[Arrival]:
        """As the engine sees them; ``stretch`` 2 makes it half the rate."""
        return [
            self._arrival(work, offset_s * stretch)
            for work, offset_s in zip(self.work, self.offsets_s, strict=True)
        ]

    def _arrival(self, work: Work, at_s: float) -> Arrival:
        if isinstance(work, PromptSet):
            prompts, options = work.prompts, _SAMPLED
        elif isinstance(work, Continuation):
            prompts, options = (work.prompt,), _GREEDY
        else:
            raise ValueError("only prompts can be simulated")
        new = work.new_tokens
        least, most = (new, new) if self.ceiling is None else (0, max(new, self.ceiling))
        rows = tuple(Row(prompt, options, most, least) for prompt in prompts)
        return Arrival(at_s, rows, (new,) * len(rows))


def open_loop(
    asked: WorkloadFile,
    vocabulary: Vocabulary,
    count: int,
    rate: float,
    seed: int,
    ceiling: int | None = None,
) -> Traffic:
    """Poisson arrivals of the file's work."""
    offsets_s = gamma_arrivals(rate, 1.0, count, seed)
    return Traffic(asked.work(vocabulary, count, seed), offsets_s, ceiling)


def recorded(
    file: Path, vocabulary: Vocabulary, seed: int, count: int | None = None, ceiling: int | None = None
) -> Traffic:
    """A trace, or the first ``count`` requests of it."""
    entries = read_trace(file, vocabulary.positions)[:count]
    return Traffic(traced(vocabulary, entries, seed), [entry.at_s for entry in entries], ceiling)
