"""Whether this machine has the room: looked at before, because the kernel's own answer is to kill."""

import re
import shutil
from pathlib import Path


def check_space(folder: Path, needed: int) -> None:
    """Raises ValueError, one line, when the folder's disk has less than ``needed`` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ValueError(
            f"{folder} has {free / 1e9:.1f} GB free and the stages need {needed / 1e9:.1f} GB; "
            "give a folder on a larger disk with --work, or fewer --layers"
        )


def memory_lack(needed: int) -> str | None:
    """One line when less than ``needed`` bytes of memory are available, as far as the system tells."""
    available = available_memory()
    if available is None or available >= needed:
        return None
    return f"needs about {needed / 1e9:.1f} GB of memory, and {available / 1e9:.1f} GB are available"


def check_memory_to_load(model: Path) -> None:
    """Raises RuntimeError when a model may not load: packing weights keeps two copies for a while."""
    if lack := memory_lack(int(2.1 * (model / "model.bin").stat().st_size)):
        raise RuntimeError(f"loading {model.name} {lack}; take fewer --layers")


def available_memory() -> int | None:
    """Bytes that can be had without swapping, by Linux's own estimate."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"MemAvailable:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else None


def descendants_mb(pid: int, *, peak: bool = False) -> float | None:
    """Resident memory of all descendants of a process, in MB, now or at its highest.

    What they share is counted for each. None where the system does not tell.
    """
    parents = {int(path.parent.name): _parent(path) for path in Path("/proc").glob("[0-9]*/status")}
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    resident = [mb for each in family - {pid} if (mb := _resident_mb(each, peak)) is not None]
    return sum(resident) if resident else None


def _resident_mb(pid: int, peak: bool) -> float | None:
    found = _status(Path(f"/proc/{pid}/status"), r"VmHWM:\s+(\d+) kB" if peak else r"VmRSS:\s+(\d+) kB")
    return None if found is None else found * 1024 / 1e6


def _parent(status: Path) -> int | None:
    return _status(status, r"PPid:\s+(\d+)")


def _status(path: Path, pattern: str) -> int | None:
    try:
        found = re.search(pattern, path.read_text(encoding="utf-8"))
    except OSError:  # it has ended meanwhile
        return None
    return int(found[1]) if found else None


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def warm_page_cache(path: Path) -> None:
    """Read a file once, so that the next reader finds as much of it in memory as the machine can hold."""
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 24):
            pass
