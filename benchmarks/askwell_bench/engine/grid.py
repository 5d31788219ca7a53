"""Which points are measured, and for how long."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

Shape = tuple[int, int]
"""Rows, and tokens of each: of its prompt in a prefill, of its context in a step."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Cheap points first: those that the time does not allow are left out from the end.

    ``held_out_*`` are not fitted: they show how far the cost model can be trusted between the points.
    ``steps`` are those of one run, ``rounds`` the most times that a point is measured, ``budget_s`` the
    seconds of each section. ``all_settings``: every way to sample and every environment, or just the most
    telling ones.
    """

    prefill: tuple[Shape, ...]
    held_out_prefill: tuple[Shape, ...]
    step: tuple[Shape, ...]
    held_out_step: tuple[Shape, ...]
    sampling: tuple[Shape, ...]
    forced_apart: tuple[int, ...]
    prefixes: tuple[int, ...]
    settings: tuple[Shape, ...]
    all_settings: bool
    steps: int
    rounds: int
    budget_s: Mapping[str, float]

    def within(self, positions: int) -> Self:
        """Without what the model's positions cannot hold."""

        def fitting(shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
            return tuple(shape for shape in shapes if shape[1] + self.steps <= positions)

        return replace(
            self,
            prefill=fitting(self.prefill),
            held_out_prefill=fitting(self.held_out_prefill),
            step=fitting(self.step),
            held_out_step=fitting(self.held_out_step),
            sampling=fitting(self.sampling),
            settings=fitting(self.settings),
            forced_apart=tuple(
                apart for apart in self.forced_apart if FORCED_PROMPT + 2 * apart * ROWS <= positions
            ),
            prefixes=tuple(prefix for prefix in self.prefixes if prefix + TAIL + 1 <= positions),
        )


ROWS = 8  # of the forced and the prefix section
FORCED_PROMPT = 32  # tokens of the shortest prompt
TAIL = 16  # tokens behind a shared prefix
SPLIT_CONTEXTS = (16, 300)  # what a step of ROWS rows costs at the first, it costs at the second too

FULL = Grid(
    prefill=(*((1, n) for n in (16, 32, 64, 128, 256)), (4, 128), (1, 512), (8, 128), (1, 1024)),
    held_out_prefill=((2, 96), (1, 384), (3, 200)),
    step=tuple((rows, context) for context in (32, 128, 256, 512) for rows in (1, 2, 4, 8, 16)),
    held_out_step=((3, 64), (6, 200), (12, 384)),
    sampling=((1, 16), (8, 16), (1, 300), (8, 300)),
    forced_apart=(1, 4, 8),
    prefixes=(128, 300, 600),
    settings=((1, 32), (8, 300), (16, 600)),
    all_settings=True,
    steps=12,
    rounds=7,
    budget_s={
        "prefill": 25, "step": 80, "held out": 15, "sampling": 40, "forced": 20, "prefix": 45, "settings": 90,
    },
)  # fmt: skip

SHORT = Grid(
    prefill=((1, 32), (1, 128), (4, 64), (1, 384), (8, 128)),
    held_out_prefill=((2, 96),),
    step=tuple((rows, context) for context in (32, 256) for rows in (1, 4, 16)),
    held_out_step=((8, 128),),
    sampling=((8, 16), (8, 300)),
    forced_apart=(2,),
    prefixes=(300,),
    settings=((1, 32), (8, 300)),
    all_settings=False,
    steps=8,
    rounds=5,
    budget_s={
        "prefill": 5,
        "step": 7,
        "held out": 2,
        "sampling": 5,
        "forced": 3,
        "prefix": 5,
        "settings": 12,
    },
)
