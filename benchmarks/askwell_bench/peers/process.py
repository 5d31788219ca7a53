"""One peer's program: JSON lines over its standard input and output, in an environment of its own."""

import json
import os
import select
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_END_S = 20.0


class PeerFailed(Exception):
    """A peer that cannot take part, or no longer. The message is the reason, one line."""


class PeerProcess:
    """A started program. What it prints goes to a file of which only its end is ever read."""

    def __init__(self, python: Path, program: Path) -> None:
        protocol = program.resolve().parents[1] / "protocol"
        self._log = tempfile.TemporaryFile("w+b")  # noqa: SIM115  it lives as long as the process
        self._buffer = b""
        self._process = subprocess.Popen(
            [str(python), str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "PYTHONPATH": str(protocol)},
            start_new_session=True,  # Ctrl-C is for the driver, which ends them all
        )

    def ask(self, job: str, limit_s: float, **arguments: Any) -> dict[str, Any]:
        """The reply to a job. Raises PeerFailed when it fails, dies, or takes longer than ``limit_s``."""
        assert self._process.stdin is not None
        line = json.dumps({"job": job, **arguments}) + "\n"
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._death() from None
        reply = json.loads(self._line(limit_s, job))
        if "error" in reply:
            raise PeerFailed(f"{job}: {reply['error']}")
        told: dict[str, Any] = reply["ok"]
        return told

    def close(self) -> None:
        """Let it end by itself; after a while end it and all that it started."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(BrokenPipeError, subprocess.TimeoutExpired):
            self._process.stdin.close()
            self._process.wait(_END_S)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def _line(self, limit_s: float, job: str) -> bytes:
        assert self._process.stdout is not None
        end_s = time.monotonic() + limit_s
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, end_s - time.monotonic()))
            if not ready:
                raise PeerFailed(f"{job}: no answer within {limit_s:.0f} s")
            data = os.read(self._process.stdout.fileno(), 1 << 20)
            if not data:
                raise self._death()
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _death(self) -> PeerFailed:
        code = self._process.wait()
        how = f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        last = self._last_line()
        return PeerFailed(f"it {how}" + (f": {last}" if last else ""))

    def _last_line(self) -> str:
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - 4000))
        lines = [line.strip() for line in self._log.read().decode(errors="replace").splitlines()]
        return next((line for line in reversed(lines) if line), "")[:200]
