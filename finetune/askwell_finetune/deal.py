"""Which packs a step learns from, and which of them each process takes through the model."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from .config import Batch
from .pack import plan_packs
from .tokens import Encoded

Packed: TypeAlias = tuple[int, ...]
"""The numbers of the examples in a pack."""


def plan_epoch(
    examples: Sequence[Encoded], batch: Batch, processes: int, seed: int, epoch: int
) -> list[list[Packed]]:
    """The steps of an epoch, the same on every process; the last may have fewer packs than the others."""
    packs = plan_packs(examples, batch.pack_tokens, np.random.default_rng([seed, epoch]))
    size = batch.packs_per_pass * batch.passes_per_step * processes
    return [packs[start : start + size] for start in range(0, len(packs), size)]


def deal_packs(
    packs: Sequence[Packed], batch: Batch, process: int, processes: int
) -> Iterator[tuple[int, Sequence[Packed]]]:
    """The passes of one process, each with its number among all passes of the step.

    Every process has as many, since they wait for one another: where packs run out, a pass has none.
    """
    size = batch.packs_per_pass
    passes = -(-len(packs) // (size * processes))
    for number in range(process, passes * processes, processes):
        yield number, packs[number * size : (number + 1) * size]
