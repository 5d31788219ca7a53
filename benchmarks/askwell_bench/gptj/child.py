"""A step of a stage in a process of its own: its memory is its own, and so is its environment.

The parent asks in JSON, on the command line; the child answers with one JSON object a line, so that one that
takes too long, or dies, has told what it knew. ``{"progress": TEXT}`` is for the person who waits.

    told = ask("askwell_bench.gptj.beam", {"model": "…", "samples": 2}, limit_s=300)
    told.lines       # ({"seconds": 41.2}, {"seconds": 40.8})

Peak memory is ``ru_maxrss`` of ``wait4``. A child inherits its parent's highest mark when it is spawned, so
nothing below that is ever reported: about 65 MB for this command, before it measures anything itself.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended. ``why``: the last line of its standard error; ``late``: it was killed for time."""

    output: tuple[str, ...]
    why: str
    code: int
    late: bool
    seconds: float
    peak_mb: float

    @property
    def failure(self) -> str | None:
        """One line, for one that did not end well."""
        if self.late:
            return f"not finished within {self.seconds:.0f} s"
        if self.code == -signal.SIGKILL:
            return "the process was killed, most likely for want of memory"
        if self.code < 0:
            return f"the process died of {signal.Signals(-self.code).name}"
        return (self.why or f"the process ended with code {self.code}") if self.code else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a child told, and what it took. ``broken_off`` says why it did not tell everything."""

    lines: tuple[Told, ...]
    broken_off: str | None
    seconds: float
    peak_mb: float

    def whole(self) -> "Answer":
        """Itself. Raises RuntimeError when something is missing."""
        if self.broken_off:
            raise RuntimeError(self.broken_off)
        return self


def ask(
    module: str, request: Mapping[str, Any], *, limit_s: float, env: Mapping[str, str] | None = None
) -> Answer:
    """Run a module of ours. Raises RuntimeError when it told nothing at all."""
    command = [sys.executable, "-m", module, json.dumps(request)]
    ended = run_process(command, limit_s=limit_s, env=env, show=_show_progress)
    told = tuple(line for text in ended.output if (line := _parse(text)) and "progress" not in line)
    if ended.failure and not told:
        raise RuntimeError(ended.failure)
    return Answer(told, ended.failure, ended.seconds, ended.peak_mb)


def answer(work: Callable[[Mapping[str, Any]], Iterator[Told]]) -> int:
    """The child's main: do the request of the command line and tell line by line."""
    try:
        for line in work(json.loads(sys.argv[1])):
            print(json.dumps(line), flush=True)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # the parent wants one line, and keeps what was told
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


def run_process(
    command: Sequence[str],
    *,
    limit_s: float,
    env: Mapping[str, str] | None = None,
    show: Callable[[str], None] = lambda line: None,
) -> Ended:
    """Run a program to its end, or to its limit. ``show`` gets each line of its output as it comes.

    Raises OSError when it cannot be started. Interrupted, it takes the program along.
    """
    start = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, errors="replace", env={**os.environ, **(env or {})},
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        output, errors = _Reader(process.stdout, show), _Reader(process.stderr)
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(limit_s, end)
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            timer.cancel()
            _end(process)
            output.join()
            errors.join()
    unit = 1 if sys.platform == "darwin" else 1024
    why = next((line for line in reversed(errors.lines) if line.strip()), "")
    seconds = time.perf_counter() - start
    peak_mb = usage.ru_maxrss * unit / 1e6
    return Ended(tuple(output.lines), why.strip(), process.returncode, late.is_set(), seconds, peak_mb)


def _end(process: "subprocess.Popen[str]") -> None:
    """Of one that still runs when this process is interrupted. Ctrl-C reached it too, and it may tidy up."""
    for patience_s, insist in ((2, process.terminate), (5, process.kill)):
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            insist()


class _Reader(threading.Thread):
    """Empties a pipe, or the process on its other end would wait for ever."""

    def __init__(self, pipe: IO[str], show: Callable[[str], None] = lambda line: None) -> None:
        super().__init__(daemon=True)
        self.lines: list[str] = []
        self._pipe, self._show = pipe, show
        self.start()

    def run(self) -> None:
        for line in self._pipe:
            self.lines.append(line)
            self._show(line)


def _show_progress(line: str) -> None:
    if text := _parse(line).get("progress"):
        print(f"  … {text}", file=sys.stderr, flush=True)


def _parse(line: str) -> Told:
    """The last line of one that was killed may be half a line."""
    try:
        told: Told = json.loads(line)
    except ValueError:
        return {}
    return told
