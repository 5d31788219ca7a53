"""Packs: many examples in one row of tokens, what they share computed once.

Prompts of the same job or candidate begin alike. So a pack is a forest: each token has the one before it for
its parent, equal beginnings are one branch, and a token attends to its ancestors only::

    <|im_start|>system … Job: baker. Duties: … ┬ Ask one question about ovens  … ┬ Which … do you check
                                               │                                 └ How … do you set
                                               └ Ask one question about hygiene … ─ Tell me …

Position ids are depths, so every example is computed as if it stood alone. Loss is on completions only:
``rows[i]`` should predict ``targets[i]``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .tokens import Encoded

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pack:
    """``ids``, ``positions``, ``parents`` (-1 for a first token): [tokens]. ``rows``, ``targets``: [targets],
    and ``owners``, the number in the pack of the example that a target belongs to."""

    ids: Ints
    positions: Ints
    parents: Ints
    rows: Ints
    targets: Ints
    owners: Ints

    def mask(self) -> npt.NDArray[np.bool_]:
        """[tokens, tokens]: whether a token (row) sees another: its ancestors and itself."""
        seen = np.zeros((len(self.ids), len(self.ids)), np.bool_)
        for token, parent in enumerate(self.parents):
            if parent >= 0:
                seen[token] = seen[parent]
            seen[token, token] = True
        return seen


def pack_examples(examples: Sequence[Encoded]) -> Pack:
    """Neighbours share what they begin with: give examples in an order that has equal beginnings together.

    An example's last token is a target only, and stands in no row.
    """
    ids: list[int] = []
    parents: list[int] = []
    depths: list[int] = []
    rows: list[int] = []
    targets: list[int] = []
    owners: list[int] = []
    before: tuple[int, ...] = ()
    path: list[int] = []  # the node of each token of the example before
    for owner, example in enumerate(examples):
        tokens = example.ids[:-1]
        del path[_shared(before, tokens) :]
        for depth in range(len(path), len(tokens)):
            parents.append(path[-1] if path else -1)
            path.append(len(ids))
            ids.append(tokens[depth])
            depths.append(depth)
        start = len(example.prompt)
        rows += path[start - 1 : len(tokens)]
        targets += example.completion
        owners += [owner] * len(example.completion)
        before = tokens
    arrays = (np.array(each, np.int64) for each in (ids, depths, parents, rows, targets, owners))
    return Pack(*arrays)


def plan_packs(examples: Sequence[Encoded], limit: int, random: np.random.Generator) -> list[tuple[int, ...]]:
    """Which examples go into which pack, at random, by their numbers: packs of at most ``limit`` tokens.

    An example that is longer has a pack of its own. Sorting by token ids that were given out anew brings
    equal beginnings together and leaves everything else to chance.
    """
    renamed = random.permutation(1 + max(max(each.ids) for each in examples)).astype(">u4")
    keys = [renamed[list(each.ids)].tobytes() for each in examples]
    order = sorted(range(len(examples)), key=keys.__getitem__)
    packs = list(_cut(examples, order, limit))
    return [packs[number] for number in random.permutation(len(packs))]


def _cut(examples: Sequence[Encoded], order: Sequence[int], limit: int) -> Iterator[tuple[int, ...]]:
    pack: list[int] = []
    size, before = 0, ()  # type: tuple[int, tuple[int, ...]]
    for number in order:
        tokens = examples[number].ids[:-1]
        more = len(tokens) - _shared(before, tokens)
        if pack and size + more > limit:
            yield tuple(pack)
            pack, size, more = [], 0, len(tokens)
        pack.append(number)
        size, before = size + more, tokens
    if pack:
        yield tuple(pack)


def _shared(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """How many tokens both begin with."""
    for number, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return number
    return min(len(one), len(other))
