"""A real server process over a converted tiny GPT-J, as an operator would start it."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
DATA = Path(__file__).resolve().parents[1] / "data"


class ServerProcess:
    """``askwell-server`` on a free port of 127.0.0.1. ``address`` is known once it serves.

    With ``model`` None the flags name it.
    """

    def __init__(self, model: Path | None, *flags: str) -> None:
        named = ["--model", model] if model else []
        self.process = subprocess.Popen(
            [BIN / "askwell-server", *named, "--port", "0", *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.errors = ""
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"serving .* on (\S+:\d+)", line):
                self.address = found[1]
                return
        raise AssertionError(f"the server ended with {self.process.wait()}: {self.errors}")

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors += line

    def engine_pids(self) -> list[int]:
        """The engine processes, as the kernel knows them: children that run askwell_server.engine."""
        return [pid for pid in _children(self.process.pid) if "askwell_server.engine" in _command(pid)]

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and return the exit code."""
        self.process.send_signal(with_signal)
        return self.end()

    def end(self) -> int:
        code = self.process.wait(timeout=60)
        self._reader.join(timeout=10)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return code


def _children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def tiny_gptj(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed tiny GPT-J, converted to float32 by the command itself."""
    folder = tmp_path_factory.mktemp("models") / "tiny-gptj"
    command = [BIN / "askwell-convert", DATA / "tiny-gptj", folder, "--quantization", "float32"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def start(tiny_gptj: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts servers; whatever a test left running is ended."""
    started: list[ServerProcess] = []

    def begin(*flags: str, model: Path | None = tiny_gptj) -> ServerProcess:
        started.append(ServerProcess(model, *flags))
        return started[-1]

    yield begin
    for server in started:
        if server.process.poll() is None:
            os.kill(server.process.pid, signal.SIGKILL)
        server.end()


@pytest.fixture(scope="module")
def address(tiny_gptj: Path) -> Iterator[str]:
    """One server for the tests of a module that only ask it things."""
    server = ServerProcess(tiny_gptj)
    yield server.address
    assert server.stop() == 0
    assert "Traceback" not in server.errors
