"""A stage of the full-size run: one question, under nine minutes, a JSON file of its own.

A machine that is lent for half an hour, or taken away in the middle, loses one stage and not the run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..result import Measure

FULL_LAYERS = 28


@dataclass(frozen=True, slots=True)
class Work:
    """What the stages share. ``folder`` holds the large files, kept from one stage to the next.

    ``threads`` are ctranslate2's on a CPU. ``default_model`` (a GGUF file, as the demo fetches it) and
    ``texts`` are for the stages that look at what a device does to a real model's mind.
    """

    folder: Path
    layers: int
    device: Literal["cpu", "cuda"]
    threads: int
    default_model: Path | None = None
    texts: tuple[Path, ...] = ()

    @property
    def checkpoint(self) -> Path:
        """Hugging Face layout, float16, random weights."""
        return self.folder / f"gptj-{self.layers}-layers"

    @property
    def model(self) -> Path:
        """The checkpoint as int8, by askwell-convert, for this device."""
        return self.folder / f"gptj-{self.layers}-layers-int8-{self.device}"

    @property
    def float16_model(self) -> Path:
        """The checkpoint without quantization: as large again, and what int8 is compared with."""
        return self.folder / f"gptj-{self.layers}-layers-float16"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a stage saw: ``lines`` for a person, ``figures`` and ``measures`` for the result."""

    lines: tuple[str, ...]
    figures: Mapping[str, Any]
    measures: tuple[Measure, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """``summary`` says in a line what it asks. ``device``: where it makes sense.

    ``left``: whether what it leaves in the work folder for other stages is there, where it leaves something.
    """

    name: str
    summary: str
    measure: Callable[[Work], Finding]
    device: Literal["any", "cpu", "cuda"] = "any"
    left: Callable[[Work], bool] | None = None
