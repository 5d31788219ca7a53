"""A server of one's own for the time of a benchmark."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_READY = re.compile(r"serving .* on (\S+:\d+)")


@contextmanager
def running_server(model: Path, *flags: str) -> Iterator[str]:
    """Start askwell-server on a free port, yield HOST:PORT once it serves, and end it with SIGTERM.

    Raises RuntimeError when it ends before it serves; its own message is on stderr by then.
    """
    program = str(Path(sys.executable).parent / "askwell-server")
    command = [program, "--model", str(model), "--port", "0", "--log-level", "warning", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if found := _READY.search(line):
                break
        else:
            raise RuntimeError("the server did not start")
        try:
            yield found[1]
        finally:
            server.send_signal(signal.SIGTERM)
