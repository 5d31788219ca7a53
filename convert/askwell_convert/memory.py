"""How much memory this process has used at most."""

import re
import resource
import sys
from pathlib import Path


def peak_rss_bytes() -> int:
    """Linux's own mark is of this program alone; ``getrusage`` also remembers the parent that forked it."""
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
