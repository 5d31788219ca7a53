"""Damaged sources of every format: each is refused in one line, or converted to what it means.

Each mutant is converted by a process with a time limit and little memory: one that crashes, hangs, grows,
prints a traceback, leaves files behind or converts to something else is a fault.
"""

import argparse
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from askwell_bench.result import add_out, finish

from .converter import Converter
from .judge import FAULTS, GOOD, Fingerprint, Verdict, fingerprint, judge
from .mutation import Mutant, mutants
from .source import ALL_FORMATS, tiny_source, write_source
from .worker import MEMORY_BYTES, Job

NAME = "mutants"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=200, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which (default: %(default)s)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the sources of faults there")
    add_out(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.count < 1:
        raise ValueError("--count must be at least 1")
    with Converter() as converter, tempfile.TemporaryDirectory(prefix="askwell-mutants-") as scratch:
        whole = {name: _undamaged(name, converter, Path(scratch)) for name in ALL_FORMATS}
        verdicts = [
            _judged(
                mutant, converter, Path(scratch, str(mutant.number)), whole[mutant.format], arguments.keep
            )
            for mutant in mutants(arguments.count, arguments.seed)
        ]
    faults = [each for each in verdicts if each.kind in FAULTS]
    _print(verdicts, faults)
    figures = {
        "count": len(verdicts),
        "seed": arguments.seed,
        "verdicts": {kind: sum(each.kind == kind for each in verdicts) for kind in (*GOOD, *FAULTS)},
        "formats": {
            name: dict(Counter(v.kind for v in verdicts if v.mutant.format == name)) for name in ALL_FORMATS
        },
        "mutations": len({each.mutant.mutation.name for each in verdicts}),
        "memory_limit_mb": MEMORY_BYTES / 1e6,
        "peak_mb": max(each.grown_bytes for each in verdicts) / 1e6,
        "slowest_s": max(each.seconds for each in verdicts),
        "faults": [_told(each) for each in faults],
    }
    finish(NAME, figures, arguments.out)
    return 1 if faults else 0


def _undamaged(format_: str, converter: Converter, scratch: Path) -> Fingerprint:
    folder = scratch / format_.replace(" ", "-")
    folder.mkdir()
    answer = converter.ask(Job.of(write_source(tiny_source(format_), folder), folder / "model"))
    if answer.code != 0:
        raise RuntimeError(f"the undamaged {format_} source is refused: {answer.said}")
    return fingerprint(folder / "model")


def _judged(
    mutant: Mutant, converter: Converter, folder: Path, whole: Fingerprint, keep: Path | None
) -> Verdict:
    folder.mkdir()
    verdict = judge(mutant, converter, folder, whole)
    if keep and verdict.kind in FAULTS:
        keep.mkdir(parents=True, exist_ok=True)
        shutil.move(folder, keep / f"{mutant.number:03}")
    else:
        shutil.rmtree(folder)
    return verdict


def _print(verdicts: list[Verdict], faults: list[Verdict]) -> None:
    kinds = [kind for kind in (*GOOD, *FAULTS) if kind in GOOD or any(each.kind == kind for each in verdicts)]
    print(f"{'source':<20}" + "".join(f"{kind:>13}" for kind in kinds))
    for name in (*ALL_FORMATS, "all"):
        of_it = Counter(each.kind for each in verdicts if name in ("all", each.mutant.format))
        print(f"{name:<20}" + "".join(f"{of_it[kind]:>13}" for kind in kinds))
    for each in faults:
        print(f"fault: {_told(each)}")


def _told(verdict: Verdict) -> str:
    mutant = verdict.mutant
    did = f" ({verdict.told})" if verdict.told else ""
    said = " ".join(verdict.said.split())[-300:]
    return f"{mutant.number}, {mutant.format}, {mutant.mutation.name}{did}: {verdict.kind}: {said}"
