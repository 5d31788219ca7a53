"""Model folders that the GPU stages make on their way, and keep for one another."""

import sys
from pathlib import Path

from askwell_manifest import ManifestError, read_manifest

from .child import run_process
from .gpu_lineup import say
from .gpu_worker import Deadline
from .stage import Work

_LIMIT_S = 300.0


def converted(source: Path, output: Path, deadline: Deadline, *flags: str) -> Path:
    """``source`` as askwell-convert makes it, unless it is there already. Raises RuntimeError, one line."""
    try:
        read_manifest(output)
        return output
    except ManifestError:
        pass
    say(f"converting {source.name} to {output.name}")
    command = [sys.executable, "-m", "askwell_convert.command", str(source), str(output), "--force", *flags]
    limit_s = deadline.within(_LIMIT_S)
    ended = run_process(command, limit_s=limit_s)
    if ended.late:
        raise RuntimeError(f"{output.name} was not converted within {limit_s:.0f} s")
    if ended.code:
        raise RuntimeError(ended.why or f"askwell-convert ended with code {ended.code}")
    return output


def float16_model(work: Work, deadline: Deadline) -> Path:
    """The checkpoint without quantization: as large again, and what int8 is compared with."""
    output = work.folder / f"gptj-{work.layers}-layers-float16"
    return converted(work.checkpoint, output, deadline, "--quantization", "float16")
