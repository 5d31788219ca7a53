"""What this CPU does to int8, and how many cores it lends.

On x86 without VNNI an int8 product adds two 16-bit terms *with saturation* (vpmaddubsw): 255·127·2 exceeds
32767, 255·63·2 does not. Weights that use the full range are then ruined; weights within ±63 are safe.

Seen with SmolLM2-135M (mean KL divergence to float32 over 300 tokens, ctranslate2 4.8.5, Intel with VNNI):

    weights  back end  ISA allowed                    KL      perplexity ratio
    127      MKL       all                            0.055   0.97
    127      MKL       AVX512, AVX2 or SSE4_2         0.25    1.33   saturates
    127      oneDNN    all, or AVX2_VNNI              0.057   0.98
    127      oneDNN    AVX512_CORE, AVX2 or SSE41     0.30    1.46   saturates
    63       either    any                            0.082 … 0.090

MKL on an AMD CPU takes another path, which does not saturate.
"""

import math
import os
import platform
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from .cgroup import own_groups

SAFE_WEIGHT_RANGE = 63

_CPUINFO = Path("/proc/cpuinfo")
_VNNI = frozenset({"avx512_vnni", "avx_vnni"})
# Instruction sets that a user may cap the back ends to, and the VNNI that each leaves.
_CAPS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("SSE41", "SSE4_2", "AVX", "AVX2", "AVX512", "AVX512_CORE"), frozenset()),
    **dict.fromkeys(("AVX2_E1", "AVX2_VNNI", "AVX2_VNNI_2"), frozenset({"avx_vnni"})),
}


def int8_saturates(
    env: Mapping[str, str] = os.environ, cpuinfo: str | None = None, machine: str | None = None
) -> bool:
    """Whether full-range int8 weights saturate with the back end that CTranslate2 will choose here.

    Only what Linux says of an x86 CPU is known; elsewhere the answer is no (ARM adds in 32 bits).
    """
    if (machine or platform.machine()).lower() not in ("x86_64", "amd64") or sys.platform != "linux":
        return False
    cpuinfo = _CPUINFO.read_text() if cpuinfo is None else cpuinfo
    intel = "GenuineIntel" in cpuinfo
    override = env.get("CT2_USE_MKL")
    mkl = intel if override is None else override.lower() in ("1", "true")
    if mkl and not intel:
        return False
    flags = re.search(r"^flags\s*:(.*)$", cpuinfo, re.MULTILINE)
    vnni = _VNNI & set(flags[1].split() if flags else ())
    caps = ("MKL_ENABLE_INSTRUCTIONS",) if mkl else ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
    for cap in caps:
        vnni &= _CAPS.get(env.get(cap, "").upper(), _VNNI)
    return not vnni


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
