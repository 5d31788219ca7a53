"""The converter in a process of its own, replaced when a mutant kills it."""

import json
import os
import select
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from .worker import Answer, Job

START_S, MUTANT_S = 120.0, 30.0
QUIET = {
    "OMP_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "OPENBLAS_NUM_THREADS": "1",
}


class Died(Exception):
    """The process ended under a mutant, by a signal or at its time limit; the message says which."""


class Converter:
    """``with Converter() as converter: converter.ask(Job(source, output))``."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def ask(self, job: Job) -> Answer:
        """Raises Died when the process gives no answer; the next job then gets another process."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "askwell_bench.mutants.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | QUIET,
            )
            wait_s = START_S
        else:
            wait_s = MUTANT_S
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the worker has no pipes")
        process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], wait_s)
        line = process.stdout.readline() if ready else b""
        if line:
            return Answer(**json.loads(line))
        code = self._end()
        raise Died(f"no answer within {wait_s:.0f} s" if not ready else f"the process ended with {code}")

    def _end(self) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.stdin:
            process.stdin.close()
        try:
            code = process.wait(0.5)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if process.stdout:
            process.stdout.close()
        return code


def left_behind(folder: Path, expected: set[str]) -> list[str]:
    """What lies in ``folder`` and was not expected there."""
    return sorted(path.name for path in folder.iterdir() if path.name not in expected)
