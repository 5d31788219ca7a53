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
        said = []
        for line in server.stdout:
            if found := _READY.search(line):
                break
            said.append(line)
        else:
            last = next((line.strip() for line in reversed(said) if line.strip()), "it said nothing")
            raise RuntimeError(f"the server did not start: {last.removeprefix(f'{_PROGRAM}: ')}")
        sys.stderr.writelines(said)
        ending = threading.Event()
        passing_on = threading.Thread(target=_pass_on, args=(server.stdout, ending), daemon=True)
        passing_on.start()
        try:
            yield found[1]
        finally:
            ending.set()
            server.send_signal(signal.SIGTERM)
            passing_on.join()


def _pass_on(messages: IO[str], ending: threading.Event) -> None:
    for line in messages:
        if not ending.is_set():  # that it ends now is no news
            sys.stderr.write(line)
