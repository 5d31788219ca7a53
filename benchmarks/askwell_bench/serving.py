"""A server of one's own for the time of a benchmark."""

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_READY = re.compile(r"serving .* on (\S+:\d+)")
_PROGRAM = "askwell-server"
_START_LIMIT_S = 600.0


@contextmanager
def running_server(model: Path, *flags: str) -> Iterator[str]:
    """Start askwell-server on a free port, yield HOST:PORT once it serves, and end it with SIGTERM.

    What it says before it serves is held back: a start that fails is one line, its own, in a RuntimeError.
    After that its messages go to stderr as they come, until it is told to end.
    """
    program = str(Path(sys.executable).parent / _PROGRAM)
    command = [program, "--model", str(model), "--port", "0", "--log-level", "warning", *flags]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as server:
        assert server.stdout is not None
        try:
            address = _address(server, server.stdout)
        except BaseException:
            server.kill()  # its children die with it
            raise
        ending = threading.Event()
        passing_on = threading.Thread(target=_pass_on, args=(server.stdout, ending), daemon=True)
        passing_on.start()
        try:
            yield address
        finally:
            ending.set()
            server.send_signal(signal.SIGTERM)
            passing_on.join()


def _address(server: subprocess.Popen[str], messages: IO[str]) -> str:
    """Where it serves, once it does. Raises RuntimeError when it ends before that, or takes too long."""
    late = threading.Event()

    def give_up() -> None:
        late.set()
        server.kill()  # and with that its messages end

    limit = threading.Timer(_START_LIMIT_S, give_up)
    limit.daemon = True
    limit.start()
    said: list[str] = []
    try:
        for line in messages:
            if found := _READY.search(line):
                sys.stderr.writelines(said)
                return found[1]
            said.append(line)
    finally:
        limit.cancel()
    if late.is_set():
        raise RuntimeError(f"the server did not start within {_START_LIMIT_S:.0f} s")
    last = next((line.strip() for line in reversed(said) if line.strip()), "it said nothing")
    raise RuntimeError(f"the server did not start: {last.removeprefix(f'{_PROGRAM}: ')}")


def _pass_on(messages: IO[str], ending: threading.Event) -> None:
    for line in messages:
        if not ending.is_set():  # that it ends now is no news
            sys.stderr.write(line)
