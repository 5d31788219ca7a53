"""The engine that is measured: a process with an environment of its own (see ``probe``)."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from askwell_server.engine.spawn import ENGINE_ENV

from .case import Case, Timing

_MODULE = "askwell_bench.engine.probe"


@dataclass(frozen=True, slots=True)
class Engine:
    """What to load and how. ``environment`` None: the very variables that the server gives its engine."""

    model: Path
    device: Literal["cpu", "cuda"]
    compute_type: str
    threads: int
    environment: Mapping[str, str] | None = None

    @property
    def variables(self) -> dict[str, str]:
        """The whole environment: this process's own, without what a setting under test may be."""
        own = {name: value for name, value in os.environ.items() if name not in SETTINGS_UNDER_TEST}
        return own | dict(ENGINE_ENV if self.environment is None else self.environment)


SETTINGS_UNDER_TEST = frozenset(ENGINE_ENV) | {
    "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "CT2_PACKED_GEMM", "CT2_USE_MKL",
}  # fmt: skip


@dataclass(slots=True)
class Subject:
    """A loaded and warm engine.

        with Subject(Engine(model, "cpu", "auto", threads=1)) as subject:
            timing = subject.run(Case.decode(rows=8, context=300, steps=8))

    Raises RuntimeError with one line when the engine cannot be loaded, refuses a case or dies.
    """

    engine: Engine
    compute_type: str = field(init=False)
    _process: "subprocess.Popen[str]" = field(init=False)

    def __post_init__(self) -> None:
        engine = self.engine
        told = (str(engine.model), engine.device, engine.compute_type, str(engine.threads))
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE, *told],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=engine.variables,
        )
        try:
            self.compute_type = self._answer()["compute_type"]
        except BaseException:
            self._end(timeout_s=0)
            raise

    def run(self, case: Case) -> Timing:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it died: reading tells how
            self._process.stdin.write(case.to_json() + "\n")
            self._process.stdin.flush()
        data = self._answer()
        return Timing(data["first_s"], tuple(data["steps_s"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(timeout_s=10 if error is None else 0)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise RuntimeError(f"the engine process ended with code {code}; it may need more memory")
        data: dict[str, Any] = json.loads(line)
        if "error" in data:
            raise RuntimeError(data["error"])
        return data

    def _end(self, timeout_s: float) -> None:
        """Kill it where it does not end with its input."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
