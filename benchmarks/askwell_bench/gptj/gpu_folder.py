"""Model folders that the GPU stages make on their way, and keep for one another."""

import sys
from pathlib import Path

from .child import run_process
from .convert import is_whole
from .gpu_lineup import say
from .gpu_worker import Deadline
from .stage import Work

_LIMIT_S = 300.0


def converted(source: Path, output: Path, deadline: Deadline, *flags: str) -> Path:
    """``source`` as askwell-convert makes it, unless it is there already. Raises RuntimeError, one line."""
    if is_whole(output):
        return output
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
    """``work.float16_model``, made where it is not there yet."""
    return converted(work.checkpoint, work.float16_model, deadline, "--quantization", "float16")
