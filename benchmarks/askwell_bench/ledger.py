"""The result of a benchmark that judges: written after each run of it, and closed with its verdicts."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from .ending import ENDINGS, partial
from .result import Measure, finish, result, write_result
from .verdict import Verdict, print_verdicts, verdict_facts


class Ledger:
    """``figures`` and ``measures`` tell what is known by now. A run that breaks off keeps what it has."""

    def __init__(
        self,
        benchmark: str,
        given: argparse.Namespace,
        figures: Callable[[], dict[str, Any]],
        measures: Callable[[], Iterable[Measure]],
        file_name: str | None = None,
    ) -> None:
        self._benchmark = benchmark
        self._out: Path | None = given.out
        self._figures = figures
        self._measures = measures
        self._file_name = file_name or benchmark
        self._kept = False
        self._stopped: str | None = None

    def measure(self, work: Callable[[], None]) -> None:
        """Do the work, which calls ``keep``. An error before the first time is the caller's to report."""
        try:
            work()
        except ENDINGS as ending:
            if not self._kept:
                raise
            interrupted = isinstance(ending, KeyboardInterrupt)
            self._stopped = "interrupted" if interrupted else " ".join(str(ending).split())

    def keep(self) -> None:
        """What is known by now is worth keeping."""
        self._kept = True
        if self._out:
            told = {**self._figures(), **partial("it was still running")}
            write_result(
                self._out / f"{self._file_name}.json", result(self._benchmark, told, self._measures())
            )

    def close(self, verdicts: Sequence[Verdict], invalid: Sequence[str]) -> int:
        """Print and write the end. ``invalid`` are the runs in which the generator itself was too slow.

        Exit code 0 when every verdict holds, of whole and valid runs, else 1.
        """
        for line in invalid:
            print(f"INVALID: {line}")
        if self._stopped:
            print(f"PARTIAL: {self._stopped}")
        print_verdicts(verdicts)
        told = {**self._figures(), "invalid_runs": list(invalid)}
        told |= {**verdict_facts(verdicts), **partial(self._stopped)}
        finish(self._benchmark, told, self._out, measures=self._measures(), name=self._file_name)
        return 0 if all(each.held for each in verdicts) and not invalid and not self._stopped else 1
