"""What the kernel tells of running processes (/proc, Linux): who started whom, and what each holds."""

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_SERVER, _ENGINE = "askwell-server", "askwell_server.engine"


@dataclass(frozen=True, slots=True)
class Holding:
    """What one process holds."""

    memory_bytes: int
    threads: int
    files: int


def holding_of(pid: int) -> Holding | None:
    """None when there is no such process, or it is over and only its parent has not noticed."""
    folder = _PROC / str(pid)
    try:
        lines = (folder / "status").read_text(encoding="utf-8").splitlines()
        told = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if "VmRSS" not in told:
            return None
        files = len(os.listdir(folder / "fd"))  # noqa: PTH208 (Path.iterdir keeps one more open)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Holding(int(told["VmRSS"].split()[0]) * 1024, int(told["Threads"]), files)


def children_of(pid: int) -> list[int]:
    """The processes that it started and that still run."""
    return [child for child in _pids() if _parent(child) == pid]


def server_pid() -> int:
    """The server that this process started. Raises RuntimeError when there is none."""
    for pid in children_of(os.getpid()):
        if _SERVER in command_of(pid):
            return pid
    raise RuntimeError("no askwell-server of this process runs")


def engine_pids(server: int) -> list[int]:
    """The engine processes of a server."""
    return [pid for pid in children_of(server) if _ENGINE in command_of(pid)]


def command_of(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _pids() -> list[int]:
    if not _PROC.is_dir():
        raise RuntimeError("this needs /proc, as Linux has it")
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal()]


def _parent(pid: int) -> int | None:
    try:
        after_name = (_PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2]
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = after_name.split()[:2]
    return None if state == "Z" else int(parent)
