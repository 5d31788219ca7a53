"""What every benchmark leaves: one JSON line at its end, and with --out the same as a file.

A result names the hardware, the versions, the date and the model, and holds the figures. What was measured
round by round stands under ``measures``, value by value, so that two results can be compared with an interval
instead of a hope (``askwell-bench compare``).
"""

import argparse
import json
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from askwell_manifest import Manifest

from .generator import ISA_VARIABLES


@dataclass(frozen=True, slots=True)
class Measure:
    """One quantity, measured once a round.

    ``relative``: each value is a ratio of two runs that took turns within the round, so it may stand beside a
    value of another day. Other values depend on the machine's mood, and are comparable only with values of
    the same ``pairing``, round by round.
    """

    name: str
    unit: str
    better: Literal["higher", "lower"]
    values: tuple[float, ...]
    relative: bool = False


def add_out(parser: argparse.ArgumentParser) -> None:
    """The option that every benchmark has."""
    parser.add_argument("--out", type=Path, metavar="DIR", help="also write the result there, as JSON")


def result(
    benchmark: str, figures: Mapping[str, Any], measures: Iterable[Measure] = (), pairing: str | None = None
) -> dict[str, Any]:
    """``pairing`` names the interleaved run that this result is one side of."""
    told = {each.name: _without_name(each) for each in measures}
    return {
        **environment(benchmark),
        **({"pairing": pairing} if pairing else {}),
        **rounded(dict(figures)),
        **({"measures": rounded(told)} if told else {}),
    }


def finish(
    benchmark: str,
    figures: Mapping[str, Any],
    out: Path | None = None,
    *,
    measures: Iterable[Measure] = (),
    name: str | None = None,
) -> None:
    """Print the last line of a run, and with ``out`` write ``out/NAME.json`` (NAME: the benchmark's own)."""
    told = result(benchmark, figures, measures)
    if out:
        write_result(out / f"{name or benchmark}.json", told)
    print(json.dumps(told))


def write_result(path: Path, told: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    write_whole(path, json.dumps(told, indent=1, ensure_ascii=False) + "\n")


def write_whole(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def environment(benchmark: str) -> dict[str, Any]:
    """Where, when and with which versions a benchmark ran."""
    return {
        "benchmark": benchmark,
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": _memory_gib(),
        "load_average": round(os.getloadavg()[0], 2),
        "isa": {name: os.environ[name] for name in ISA_VARIABLES if name in os.environ},
        "versions": {name: version(name) for name in ("askwell", "ctranslate2", "grpcio")},
        "python": platform.python_version(),
    }


def model_facts(manifest: Manifest) -> dict[str, Any]:
    """Which weights a result is about."""
    return {
        "name": manifest.name,
        "architecture": manifest.architecture,
        "quantization": manifest.quantization,
        "weight_range": manifest.weight_range,
        "source": manifest.source,
        "sha256": manifest.files["model.bin"].sha256,
    }


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


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """First quartile, median and third quartile of at least two values."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def rounded(value: Any) -> Any:
    """Floats to six decimals: a microsecond is the last that means anything."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return value


def _without_name(measure: Measure) -> dict[str, Any]:
    told = asdict(measure)
    del told["name"]
    return told


def _memory_gib() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
