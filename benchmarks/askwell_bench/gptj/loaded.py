"""The model in ctranslate2 itself, as ``askwell-bench engine`` runs it, with what loading took."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..engine.subject import Engine, Subject
from .room import check_memory_to_load, descendants_mb
from .stage import Work


@dataclass(frozen=True, slots=True)
class Loaded:
    """An engine process with the model in it. ``load_s`` runs from its start until it is warm.

    Memory is in MB, of the process; None where the system does not tell.
    """

    subject: Subject
    load_s: float
    rss_mb: float | None

    @property
    def peak_mb(self) -> float | None:
        """Until now."""
        return descendants_mb(os.getpid(), peak=True)


@contextmanager
def loaded(work: Work, threads: int) -> Iterator[Loaded]:
    """Load the stages' model on the CPU. Raises RuntimeError when it does not load, or would not fit."""
    check_memory_to_load(work.model)
    tell(f"loading the model, threads {threads}")
    start = time.perf_counter()
    with Subject(Engine(work.model, "cpu", "auto", threads)) as subject:
        load_s = time.perf_counter() - start
        yield Loaded(subject, load_s, descendants_mb(os.getpid()))


def tell(line: str) -> None:
    """For the person who waits."""
    print(f"  … {line}", file=sys.stderr, flush=True)
