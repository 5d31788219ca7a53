"""What the engine does before it serves: batches of made-up tokens that warm it up and tell what it costs."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice, pairwise
from statistics import fmean, median
from threading import Barrier
from time import perf_counter
from typing import TypeAlias

from .cost import CostModel
from .failure import Failure
from .fit import Sample, fit_cost
from .messages import Batch, BatchRow
from .row import Options

# (step, index, token_id, logprob) → whether the row is to end with this token.
OnToken: TypeAlias = Callable[[int, int, int, float | None], bool]
# Runs a batch to its end; may be called by as many threads as there are lanes.
Generate: TypeAlias = Callable[[Batch, OnToken], list[list[int]] | None]

_TAIL = 8  # tokens of its own that a row has behind a prefix that is there to make context cheaply
_LONGEST = 1024
# A probe is as long as memory allows and the costs found so far allow in so many seconds, but at most so many
# times as long as all before: those costs may be off. Probing stops after a round that reached the third
# figure, at the latest after so many rounds, and at once past the limit (a slow model).
_PROBE_S = 0.15
_GROWTH = 4
_ENOUGH_S = 1.0
_ROUNDS = 3
_LIMIT_S = 15.0
_AGAIN_S = 0.5  # a shape whose first run took less runs once more


@dataclass(frozen=True, slots=True)
class Shape:
    """A batch whose rows are alike: ``length`` prompt tokens each, ``prefix`` of them shared."""

    rows: int
    length: int
    prefix: int = 0
    steps: int = 4

    @property
    def tokens(self) -> int:
        """What is in the cache at the end."""
        return self.rows * (self.length + self.steps)

    def batch(self, ids: Sequence[int]) -> Batch:
        """A batch of this shape, sampled as by default, that takes exactly ``steps`` steps."""
        prompt = tuple(islice(cycle(ids), self.length))
        row = BatchRow(prompt[self.prefix :], self.steps)
        return Batch(0, prompt[: self.prefix], (row,) * self.rows, Options(), min_new_tokens=self.steps)

    def first_s(self, cost: CostModel) -> float:
        """Until the first token: the prefill and a step."""
        return cost.prefill_s(self.rows, self.length, self.prefix) + cost.step_s(self.rows, self.length)

    def later_s(self, cost: CostModel) -> float:
        """A step after the first, halfway to the end."""
        return cost.step_s(self.rows, self.length + self.steps / 2)

    def seconds(self, cost: CostModel) -> float:
        return self.first_s(cost) + (self.steps - 1) * self.later_s(cost)


@dataclass(frozen=True, slots=True)
class _Probe:
    """A shape but for its length, which is the longest that is affordable, from ``shortest`` upwards."""

    rows: int
    shortest: int
    longest: int = _LONGEST
    shared: bool = False

    def shape(self, longest: int, tokens: int, cost: CostModel | None) -> Shape:
        def affordable(shape: Shape) -> bool:
            return cost is not None and shape.tokens <= tokens and shape.seconds(cost) <= _PROBE_S

        length = min(self.longest, longest)
        while length > self.shortest and not affordable(self._of(length)):
            length //= 2
        return self._of(length)

    def _of(self, length: int) -> Shape:
        return Shape(self.rows, length, max(0, length - _TAIL) if self.shared else 0)


# One row, several, long rows, and one long row: enough to tell the six coefficients apart.
_PROBES = (_Probe(1, 16, 16), _Probe(8, 4), _Probe(8, 64, shared=True), _Probe(1, 64))


def rehearse(generate: Generate, batch: Batch, lanes: int) -> list[list[float]]:
    """Run a batch on every lane at once. When each lane's steps ended, in seconds from their common start."""
    barrier = Barrier(lanes)

    def lane() -> list[float]:
        ends_s: list[float] = []

        def on_token(step: int, index: int, token_id: int, logprob: float | None) -> bool:
            if step == len(ends_s):  # the first token of a step
                ends_s.append(perf_counter() - start)
            return False

        barrier.wait()
        start = perf_counter()
        generate(batch, on_token)
        return ends_s

    with ThreadPoolExecutor(lanes) as pool:
        jobs = [pool.submit(lane) for _ in range(lanes)]
        return [job.result() for job in jobs]


def measure_cost(
    generate: Generate, lanes: int, ids: Sequence[int], positions: int, *, tokens: int, compiles: bool
) -> CostModel:
    """What a batch costs while every lane runs one of its kind: about a second and a half for a small model,
    a few steps of a large one.

    ``ids`` are tokens to make prompts of, and ``tokens`` is how many the cache of one lane may hold. The
    first run of a shape may be slow, and very slow on a device that ``compiles`` (a GPU): unless the model is
    slow anyway there is a second, and the faster counts. A lack of memory ends the probing, but the first
    probe must run.
    """
    fastest: dict[Shape, _Times] = {}
    cost: CostModel | None = None
    spent_s = 0.0
    for probe in _PROBES * _ROUNDS:
        if spent_s > (_ENOUGH_S if probe is _PROBES[0] else _LIMIT_S):
            break
        longest = _GROWTH * max((shape.length for shape in fastest), default=_LONGEST)
        shape = probe.shape(min(longest, positions // 2), tokens, cost)
        if cost is not None and shape.tokens > tokens:
            continue
        try:
            runs = [_times(generate, shape, lanes, ids)]
            if shape not in fastest and (compiles or runs[0].seconds(shape) < _AGAIN_S):
                runs.append(_times(generate, shape, lanes, ids))
        except (RuntimeError, MemoryError) as error:
            if cost is None or not Failure.from_error(error).out_of_memory:
                raise
            break
        spent_s += len(runs) * min(run.seconds(shape) for run in runs)
        runs += [fastest[shape]] if shape in fastest else []
        fastest[shape] = _Times(min(run.first_s for run in runs), min(run.later_s for run in runs))
        cost = _fitted(fastest)
    assert cost is not None
    return cost


@dataclass(frozen=True, slots=True)
class _Times:
    """Seconds to the first token, and of a later step."""

    first_s: float
    later_s: float

    def seconds(self, shape: Shape) -> float:
        return self.first_s + (shape.steps - 1) * self.later_s


def _times(generate: Generate, shape: Shape, lanes: int, ids: Sequence[int]) -> _Times:
    lanes_s = rehearse(generate, shape.batch(ids), lanes)
    steps_s = [median(after - before for before, after in pairwise(ends_s)) for ends_s in lanes_s]
    return _Times(fmean(ends_s[0] for ends_s in lanes_s), fmean(steps_s))


def _fitted(fastest: Mapping[Shape, _Times]) -> CostModel:
    samples = []
    for shape, times in fastest.items():
        samples += [Sample(shape.first_s, times.first_s), Sample(shape.later_s, times.later_s)]
    return fit_cost(samples)
