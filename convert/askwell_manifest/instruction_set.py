"""What this CPU does to int8: converter and server must agree about it.

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

import os
import platform
import re
import sys
from collections.abc import Mapping
from pathlib import Path

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
