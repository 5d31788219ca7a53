"""Everything that is done to a source, and what the converter owes for it."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from .source import ALL_FORMATS, FORMATS, Source

Random = random.Random


class Owed(Enum):
    """What a right converter does with a mutant.

    REFUSED: one line and exit code 2. SAME: the undamaged conversion. RIGHT: either, or the conversion of
    what the damaged source means to another reader of its format.
    """

    REFUSED = "refused"
    SAME = "same"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Mutation:
    """Changes a source before it is written, or its files after that; ``told`` names what it did."""

    name: str
    owed: Owed
    change: Callable[[Source, Random], Source] | None = None
    damage: Callable[[Path, Random], str | None] | None = None
    formats: tuple[str, ...] = FORMATS


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mutation of one source; ``seed`` makes it again."""

    number: int
    format: str
    mutation: Mutation
    seed: int


def mutants(count: int, seed: int) -> list[Mutant]:
    """Each named mutation of some format, then of the others, and for half of ``count`` bytes anywhere."""
    from .config_damage import CONFIG_MUTATIONS
    from .file_damage import BYTE_MUTATIONS, FILE_MUTATIONS
    from .header_damage import HEADER_MUTATIONS
    from .tensor_damage import TENSOR_MUTATIONS

    draw = Random(seed)
    named: list[tuple[int, float, str, Mutation]] = []
    for mutation in (*TENSOR_MUTATIONS, *CONFIG_MUTATIONS, *HEADER_MUTATIONS, *FILE_MUTATIONS):
        formats = draw.sample(mutation.formats, len(mutation.formats))
        named += [(turn, draw.random(), format_, mutation) for turn, format_ in enumerate(formats)]
    named.sort(key=lambda each: each[:2])
    chosen = [(format_, mutation) for _, _, format_, mutation in named[: (count + 1) // 2]]
    while len(chosen) < count:
        chosen.append((draw.choice(ALL_FORMATS), draw.choice(BYTE_MUTATIONS)))
    return [
        Mutant(number, format_, mutation, draw.randrange(1 << 30))
        for number, (format_, mutation) in enumerate(chosen)
    ]
