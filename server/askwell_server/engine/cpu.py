"""How many cores this CPU lends."""

import math
import os
from pathlib import Path

from .cgroup import own_groups


def physical_cores() -> int:
    """Cores that this process may run on, siblings of one core counted once, and no more than its quota of
    time is worth: threads that share a quota stand still together once it is used up."""
    quota = quota_cores()
    cores = _cores_of_affinity()
    return cores if quota is None else min(cores, quota)


def _cores_of_affinity() -> int:
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    siblings = set()
    for cpu in os.sched_getaffinity(0):
        path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            siblings.add(path.read_text())
        except OSError:
            siblings.add(str(cpu))
    return len(siblings)


def quota_cores(root: Path = Path("/")) -> int | None:
    """Cores' worth of time that a container or a service manager allows, rounded up; None without a quota."""
    quotas = [_quota(group) for group in own_groups("cpu", root)]
    return min((max(1, math.ceil(quota)) for quota in quotas if quota is not None), default=None)


def _quota(group: Path) -> float | None:
    try:
        if (version_2 := group / "cpu.max").exists():
            quota, period = version_2.read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{each}_us").read_text() for each in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):  # "max" is no number; version 1 writes -1
        return None
