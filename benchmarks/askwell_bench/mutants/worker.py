"""The process that converts mutants, one after another, and may die of one.

Reads a job a line on standard input, answers with a line of JSON on standard output. What the converter
prints goes to a file, at the level of file descriptors: a library's last words are seen too.
"""

import contextlib
import json
import os
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from .source import ADAPTER, ALL_FORMATS, tiny_source, write_source

MEMORY_BYTES = 400_000_000  # of address space, beyond what the process has when it begins
OPTIONS = ("--quantization", "int8_float16")


@dataclass(frozen=True, slots=True)
class Job:
    """``again``: convert what other readers make of the source, and then load the result."""

    source: str
    output: str
    adapter: str | None = None
    again: bool = False

    @classmethod
    def of(cls, path: Path, output: Path, *, again: bool = False) -> Self:
        """For what ``write_source`` wrote, which may be an adapter beside its base."""
        if path.name == ADAPTER:
            return cls(str(path.parent / "source"), str(output), str(path), again)
        return cls(str(path), str(output), None, again)


@dataclass(frozen=True, slots=True)
class Answer:
    """``code``: the exit code, None when it raised; ``grown_bytes``: peak memory above that at the start."""

    code: int | None
    said: str
    grown_bytes: int
    seconds: float


def main() -> None:
    from .reread import reread  # noqa: F401  # before the memory is counted

    _load_converter()
    own_output = os.dup(1)
    limit = _status_bytes("VmSize") + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        answer = _answer(Job(**json.loads(line)))
        os.write(own_output, json.dumps(asdict(answer)).encode() + b"\n")


def _load_converter() -> None:
    """Import everything, and pay for what the first conversion of a process pays for."""
    with tempfile.TemporaryDirectory() as folder:
        for number, format_ in enumerate(ALL_FORMATS):
            place = Path(folder, str(number))
            place.mkdir()
            _answer(Job.of(write_source(tiny_source(format_), place), place / "model"))


def _answer(job: Job) -> Answer:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, started = _status_bytes("VmRSS"), time.monotonic()
    code: int | None
    with tempfile.TemporaryFile() as said, _output_to(said.fileno()):
        try:
            code = _again(job) if job.again else _convert(job)
        except BaseException:  # what a panicking library raises is no Exception
            traceback.print_exc()
            code = None
        seconds = time.monotonic() - started
        sys.stdout.flush()
        sys.stderr.flush()
        said.seek(0)
        text = said.read(100_000).decode(errors="replace")
    return Answer(code, text, _status_bytes("VmHWM") - before, round(seconds, 3))


def _convert(job: Job) -> int:
    from askwell_convert.command import main as convert

    adapter = ["--adapter", job.adapter] if job.adapter else []
    return convert([job.source, job.output, *OPTIONS, *adapter])


def _again(job: Job) -> int:
    import ctranslate2

    from .reread import reread

    folder = Path(job.output).parent / "again"
    folder.mkdir()
    if job.adapter:
        (folder / "source").symlink_to(job.source)
    path = reread(Path(job.adapter or job.source), folder)
    code = _convert(Job.of(path, Path(job.output)))
    ctranslate2.Generator(job.output, intra_threads=1)
    return code


@contextlib.contextmanager
def _output_to(descriptor: int) -> Iterator[None]:
    kept = os.dup(1), os.dup(2)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)


def _status_bytes(key: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
