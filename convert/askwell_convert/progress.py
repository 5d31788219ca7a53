"""Showing how far a conversion is."""

import sys
import time
from threading import Lock
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as RichProgress
from rich.table import Column

LINE_EVERY_S = 10.0


def progress_on_stderr() -> "BarProgress | LineProgress":
    """Standard output is for the summary: it may go to a file while somebody watches the terminal."""
    console = Console(stderr=True)
    watched = sys.stderr is not None and sys.stderr.isatty() and console.is_interactive
    return BarProgress(console) if watched else LineProgress()


class BarProgress:
    """A bar with the tensor, the bytes and the rate, for a terminal as narrow as it may be."""

    def __init__(self, console: Console) -> None:
        self._bar = RichProgress(
            TextColumn("{task.description}", table_column=Column(ratio=3, no_wrap=True, overflow="ellipsis")),
            BarColumn(bar_width=None, table_column=Column(ratio=2)),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            expand=True,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, total_bytes: int) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._bar.start()  # not earlier: fetching from the hub draws bars of its own
        self._task = self._bar.add_task("converting", total=total_bytes)

    def advance(self, tensor: str, count_bytes: int) -> None:
        if self._task is not None:
            self._bar.update(self._task, advance=count_bytes, description=tensor)


class LineProgress:
    """A line now and then, for a log."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._total = self._done = 0
        self._started = self._spoken = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def begin(self, total_bytes: int) -> None:
        self._total, self._done = total_bytes, 0
        self._started = self._spoken = time.monotonic()

    def advance(self, tensor: str, count_bytes: int) -> None:
        with self._lock:
            self._done += count_bytes
            now = time.monotonic()
            if now - self._spoken < LINE_EVERY_S:
                return
            self._spoken = now
            rate = self._done / 1e6 / (now - self._started)
            line = f"{tensor}: {self._done / 1e6:,.0f} of {self._total / 1e6:,.0f} MB, {rate:.0f} MB/s"
        print(line, file=sys.stderr, flush=True)
