"""Showing how far a training run is: a bar for a terminal, a line now and then for a log."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from .standing import Standing

LINE_EVERY_S = 10.0
SMOOTHED_STEPS = 20


class StderrProgress:
    """``quiet`` for all processes but one."""

    def __init__(self, *, quiet: bool) -> None:
        console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
        self._console = console
        self._bar: Progress | None = None
        self._task = None
        if sys.stderr is not None and sys.stderr.isatty() and console.is_interactive and not quiet:
            self._bar = Progress(
                BarColumn(bar_width=24), TextColumn("{task.description}"), console=console, transient=True
            )
            self._task = self._bar.add_task("the first step", total=1.0)
        self._spoken = time.monotonic()

    def say(self, line: str) -> None:
        self._console.print(line, markup=False)

    def step(self, standing: Standing, done: float) -> None:
        last = standing.steps[-SMOOTHED_STEPS:]
        loss = sum(each.loss * each.targets for each in last) / sum(each.targets for each in last)
        rate = sum(each.tokens for each in last) / max(sum(each.seconds for each in last), 1e-9)
        left = standing.seconds * (1 / min(done, 1.0) - 1) / 60
        line = f"step {standing.step}  loss {loss:.3f}  {rate:,.0f} tokens/s  {left:.0f} min left"
        if self._bar is not None and self._task is not None:
            self._bar.start()
            self._bar.update(self._task, completed=done, description=line)
        elif time.monotonic() - self._spoken >= LINE_EVERY_S:
            self._spoken = time.monotonic()
            self.say(line)

    def validation(self, standing: Standing) -> None:
        found = standing.validations[-1]
        best = "the best so far" if standing.best_step == found.step else f"best at step {standing.best_step}"
        self.say(f"step {found.step}  validation loss {found.loss:.4f}  {best}")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
