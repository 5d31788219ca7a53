"""The NVIDIA GPU that the stages run on: which one, how much of its memory is in use, how fast that is."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from .child import run_process

# Memory bandwidth by the vendor's data sheets, GB/s; the first pattern that fits the name counts.
_DATA_SHEET_GB_S = (
    (r"H200", 4800.0),
    (r"H100.*(PCIe|NVL)", 2000.0),
    (r"H100", 3350.0),
    (r"A100.*80GB", 1935.0),
    (r"A100", 1555.0),
    (r"L40S", 864.0),
    (r"\bL4\b", 300.0),
    (r"\bA10\b", 600.0),
    (r"\bA10G\b", 600.0),
    (r"V100", 900.0),
    (r"\bT4\b", 320.0),
    (r"RTX 4090", 1008.0),
)

_COUNT = "import ctranslate2; print(ctranslate2.get_cuda_device_count())"


@dataclass(frozen=True, slots=True)
class Card:
    """As nvidia-smi describes it."""

    name: str
    driver: str
    memory_mib: int

    @property
    def data_sheet_gb_s(self) -> float | None:
        """The vendor's memory bandwidth, where we know the card."""
        return next((rate for pattern, rate in _DATA_SHEET_GB_S if re.search(pattern, self.name)), None)


def find_card() -> Card:
    """Raises RuntimeError, one line, on a machine where ctranslate2 or nvidia-smi sees no GPU."""
    counted = run_process([sys.executable, "-c", _COUNT], limit_s=120)
    if counted.code or counted.output[-1].strip() == "0":
        raise RuntimeError("no NVIDIA GPU here that ctranslate2 can use: the GPU stages are not measured")
    values = _nvidia_smi(("name", "driver_version", "memory.total"))
    if values is None:
        raise RuntimeError("nvidia-smi does not answer: the GPU stages cannot name the card they measure")
    name, driver, memory = values
    return Card(name, driver, int(float(memory)))


def memory_used_mib() -> int | None:
    """Memory in use on the whole card, all processes together; None where nvidia-smi does not tell."""
    values = _nvidia_smi(("memory.used",))
    try:
        return int(float(values[0])) if values else None
    except ValueError:  # "[N/A]"
        return None


def _nvidia_smi(fields: Sequence[str]) -> list[str] | None:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0]
    command = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
    command += ["-i", visible or "0"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = told.stdout.splitlines()
    values = [value.strip() for value in lines[0].split(",")] if lines else []
    return values if told.returncode == 0 and len(values) == len(fields) else None
