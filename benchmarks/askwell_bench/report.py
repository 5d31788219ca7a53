"""What every benchmark prints at its end: the hardware, the versions and the figures, as one JSON line."""

import json
import logging
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from askwell_manifest import read_manifest

ISA_VARIABLES = ("CT2_USE_MKL", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "CT2_FORCE_CPU_ISA")


def limit_isa(isa: str) -> None:
    """Make ctranslate2 compute as on a lesser CPU. Must run before it is imported.

    ``avx2`` is oneDNN held to AVX2: int8 products without VNNI, the back end that saturates
    (facts: full-range int8). ``native`` changes nothing.
    """
    if isa == "avx2":
        os.environ |= {"CT2_USE_MKL": "0", "ONEDNN_MAX_CPU_ISA": "AVX2"}


def load_generator(model: Path, **options: Any) -> Any:
    """A ``ctranslate2.Generator`` on the CPU that keeps its warnings about compute types to itself.

    Raises ManifestError for what is no whole model folder.
    """
    import ctranslate2

    read_manifest(model)
    ctranslate2.set_log_level(logging.ERROR)
    return ctranslate2.Generator(str(model), device="cpu", **options)


def cpu_name() -> str:
    """The CPU's model name, and the instruction sets that matter to int8."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    name = next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown CPU"
    )
    flags = next((set(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags")), set())
    known = [flag for flag in ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8") if flag in flags]
    return f"{name} ({', '.join(known)})"


def environment(benchmark: str) -> dict[str, Any]:
    """Where, when and with which versions a benchmark ran."""
    return {
        "benchmark": benchmark,
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "isa": {name: os.environ[name] for name in ISA_VARIABLES if name in os.environ},
        "versions": {name: version(name) for name in ("askwell", "ctranslate2", "grpcio")},
        "python": platform.python_version(),
    }


def print_json(benchmark: str, figures: Mapping[str, Any]) -> None:
    """The last line of a run."""
    print(json.dumps({**environment(benchmark), **figures}))


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """First quartile, median and third quartile of at least two values."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high
