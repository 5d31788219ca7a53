"""A measuring process that answers questions, one JSON line each way.

It loads once and is then asked many times, in turn with others, which is how engines are compared. It has
its own environment, a limit on every answer, and its death is one line and not the end of the stage::

    with Worker("askwell_bench.gptj.gpu_engine", {"model": "…", "device": "cuda"}, deadline) as engine:
        engine.opened["load_s"]
        engine.ask("decode", rows=8, prompt_tokens=64, new_tokens=24)

The module, run as ``python -m``, ends with ``serve(Engine)``: the settings go to the class, a question to the
method of its name.
"""

import json
import math
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

OPEN_LIMIT_S = 300.0  # twelve gigabytes from a slow disk, and kernels compiled on the way
ASK_LIMIT_S = 120.0
CLOSE_GRACE_S = 20.0
_REASON_LENGTH = 300


class WorkerError(RuntimeError):
    """One line: what went wrong in a measuring process."""


class OutOfTime(WorkerError):
    """The stage's own time is used up; nothing more shall be started."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a stage has to be done, by the monotonic clock."""

    at_s: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        return cls(time.monotonic() + seconds)

    def within(self, limit_s: float) -> float:
        """Seconds that something may take: ``limit_s`` or what is left. Raises OutOfTime for nothing left."""
        left_s = self.at_s - time.monotonic()
        if left_s <= 0:
            raise OutOfTime("the stage's time is used up")
        return min(limit_s, left_s)


class Worker:
    """The asking end. ``opened`` is what the process told about itself once it was ready."""

    def __init__(
        self,
        module: str,
        settings: Mapping[str, Any],
        deadline: Deadline,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it and wait until it is ready. Raises WorkerError."""
        self._deadline = deadline
        limit_s = deadline.within(OPEN_LIMIT_S)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._unread = b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        try:
            self.opened = self._answer(limit_s)
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, question: str, limit_s: float = ASK_LIMIT_S, **values: Any) -> dict[str, Any]:
        """Raises WorkerError: it says why it cannot, or it died, or it took too long and was killed."""
        limit_s = self._deadline.within(limit_s)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"question": question, **values}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise WorkerError(self._obituary()) from None
        return self._answer(limit_s)

    def close(self, grace_s: float = CLOSE_GRACE_S) -> None:
        """It may end by itself for a while; what is left of it and of its children then is killed."""
        process = self._process
        try:
            if process.stdin:
                process.stdin.close()
            process.wait(grace_s)
        except (OSError, subprocess.TimeoutExpired):
            pass
        finally:
            self._kill()
            if process.stdout:
                process.stdout.close()
            self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, limit_s: float) -> dict[str, Any]:
        until_s = time.monotonic() + limit_s
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            left_s = until_s - time.monotonic()
            if left_s <= 0 or not select.select([pipe], [], [], left_s)[0]:
                self._kill()
                raise WorkerError(f"no answer within {limit_s:.0f} s")
            more = os.read(pipe, 1 << 16)
            if not more:
                raise WorkerError(self._obituary())
            self._unread += more
        line, _, self._unread = self._unread.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        if "failed" in told:
            raise WorkerError(told["failed"])
        answer: dict[str, Any] = told["answer"]
        return answer

    def _obituary(self) -> str:
        """Why it ended: the last line that it wrote, or else its exit code."""
        try:
            code = self._process.wait(CLOSE_GRACE_S)
        except subprocess.TimeoutExpired:
            self._kill()
            code = self._process.wait()
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 4096))
        lines = [line.strip() for line in self._errors.read().decode(errors="replace").splitlines()]
        last = next((line for line in reversed(lines) if line), "it said nothing")
        ended = f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return f"the process {ended}: {last[:_REASON_LENGTH]}"

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def serve(subject: Callable[..., Any]) -> None:
    """The answering end: open ``subject`` with the settings, then answer until there are no more questions.

    Standard output carries the answers alone: whatever libraries print goes to standard error.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(work: Callable[[], Any]) -> bool:
        try:
            message = {"answer": work()}
            text = json.dumps(message, allow_nan=False)
        except Exception as error:
            text = json.dumps({"failed": _line(error)})
        answers.write(text + "\n")
        answers.flush()
        return text.startswith('{"answer"')

    opened: list[Any] = []

    def start() -> Any:
        opened.append(subject(**json.loads(sys.argv[1])))
        return opened[0].facts()

    if tell(start):
        for line in sys.stdin:
            asked = json.loads(line)
            question = asked.pop("question")
            tell(partial(getattr(opened[0], question), **asked))
    if opened and hasattr(opened[0], "close"):
        opened[0].close()
    opened.clear()  # ctranslate2 may abort a process that ends with a generator alive


def finite(values: Mapping[str, float]) -> Mapping[str, float]:
    """The same. Raises ValueError for what is no number: a model that computes none has no speed either."""
    wrong = [name for name, value in values.items() if not math.isfinite(value)]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} came out as no finite number")
    return values


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())[:_REASON_LENGTH]
    return (
        text if isinstance(error, RuntimeError) and text else f"{type(error).__name__}: {text}".rstrip(": ")
    )
