"""How much memory and disk there is for a model beside the one that is looked at."""

import re
import shutil
from pathlib import Path

# Peak resident memory while ctranslate2 4.8.5 loads a model with MKL, over the bytes of its weights: for a
# while there are two copies of what is packed. SmolLM2-135M: 1.7 for int8, 2.2 for float32; with oneDNN 1.0.
LOADING_SHARE = 2.3

# A container's limit, and what is used of it: control groups of version 2, then of version 1.
_GROUPS = (
    ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current"),
    ("sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def free_memory_bytes(root: Path = Path("/")) -> int | None:
    """What Linux counts as available, and no more than the container's limit leaves; None if unknown.

    Cached files count as used in a container: too little is believed free rather than too much.
    """
    known = []
    for limit, used in _GROUPS:
        try:
            known.append(max(0, int((root / limit).read_text()) - int((root / used).read_text())))
        except (OSError, ValueError):  # "max" is no number
            continue
    try:
        found = re.search(r"^MemAvailable:\s*(\d+) kB$", (root / "proc/meminfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    if found:
        known.append(int(found[1]) * 1024)
    return min(known, default=None)


def free_disk_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free
