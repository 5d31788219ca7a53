"""Askwell against transformers, llama.cpp, OpenVINO and plain ctranslate2: the same work, in turn.

    make bench-peers                                                         # once: their environments
    askwell-bench peers --model models/smollm2-135m-instruct --out benchmarks/results

Every peer runs in an environment of its own and gets the same token ids, lengths and sampling; each ratio
is of two runs in one round. Its perplexity stands beside its speed: a fast answer from a damaged
model is no win. Who cannot take part is listed with the reason.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from askwell_manifest import Manifest, read_manifest

from ..result import Measure, add_out, finish, model_facts, result, write_result
from . import workload as workloads
from .contest import Contest
from .table import print_table
from .variant import ALL, ASKWELL, NAMES, Site
from .workload import Source, Workload

NAME = "peers"
_GGUF = Path("models/download/SmolLM2-135M-Instruct.Q4_1.gguf")
_SHORT_WINDOWS = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="a folder of askwell-convert")
    add("--gguf", type=Path, default=_GGUF, metavar="FILE", help=f"the same weights (default {_GGUF})")
    add(
        "--peers-dir",
        type=Path,
        default=Path("benchmarks/peers"),
        metavar="DIR",
        help="the peers' programs and environments (default benchmarks/peers)",
    )
    add("--examples", type=Path, default=Path("examples"), metavar="DIR", help="has jobs/ and resumes/")
    add("--only", metavar="NAME,NAME", help=f"some peers only: {', '.join(NAMES[1:])}")
    add("--workloads", metavar="NAME,NAME", help=f"some of {', '.join(workloads.NAMES)} (default: all)")
    add("--rounds", type=int, default=3, help="measured rounds, after a warm-up (default 3)")
    add("--long-rounds", type=int, default=1, help="the same of sets and mixed: minutes each (default 1)")
    add("--requests", type=int, default=40, help="mixed: requests a round (default 40)")
    add("--rate", type=float, default=1.0, help="mixed: requests a second (default 1)")
    add("--short", action="store_true", help="one question set and the main variants, in three minutes")
    add_out(parser)


def run(arguments: argparse.Namespace) -> int:
    if min(arguments.rounds, arguments.long_rounds, arguments.requests) < 1 or not arguments.rate > 0:
        raise ValueError("peers needs at least 1 round, 1 request and a rate above 0")
    only = {ASKWELL, *_chosen(arguments.only, NAMES)}
    variants = [each for each in ALL if each.name in only and (each.short or not arguments.short)]
    chosen = ["set"] if arguments.short else _chosen(arguments.workloads, workloads.NAMES)
    manifest = read_manifest(arguments.model)
    source = Source(arguments.model, manifest, arguments.examples)
    times = {name: arguments.long_rounds if name in workloads.LONG else arguments.rounds for name in chosen}
    last = max(times.values())
    work = [source.workload(name, times[name], arguments.requests, arguments.rate) for name in chosen]
    windows = source.windows[:_SHORT_WINDOWS] if arguments.short else source.windows
    contest = Contest(Site(arguments.peers_dir, arguments.model, arguments.gguf), variants, source.text)
    report = _Report(manifest, work, contest, arguments.out)
    try:
        print(f"{manifest.name}: loading {len(variants)} peers", flush=True)
        contest.prepare(work, windows, source.end_ids)
        for number in range(1, last + 1):
            contest.round(number, [each for each in work if number < len(each.rounds)])
            report.rounds = number
            report.write(partial=number < last)
    except KeyboardInterrupt:
        print("\nPARTIAL: interrupted")
    finally:
        contest.close()
    partial = report.rounds < last or contest.ours.absent is not None
    figures, measures = report.figures(partial=partial), report.measures()
    print_table(figures)
    finish(NAME, figures, arguments.out, measures=measures)
    return 1 if partial else 0


class _Report:
    """The result as it stands. ``rounds``: how many every peer has finished."""

    def __init__(
        self, manifest: Manifest, work: Sequence[Workload], contest: Contest, out: Path | None
    ) -> None:
        self._manifest = manifest
        self._work = work
        self._contest = contest
        self._out = out
        self._timed = {workload.name: workload.rate_per_s is not None for workload in work}
        self.rounds = 0

    def write(self, *, partial: bool) -> None:
        if self._out:
            told = result(NAME, self.figures(partial=partial), self.measures())
            write_result(self._out / f"{NAME}.json", told)

    def figures(self, *, partial: bool) -> dict[str, Any]:
        ours = self._contest.ours
        return {
            "model": model_facts(self._manifest),
            "workloads": {workload.name: workload.facts() for workload in self._work},
            "rounds": self.rounds,
            "peers": [each.figures(ours, self._timed) for each in self._contest.outcomes],
            "partial": partial,
        }

    def measures(self) -> list[Measure]:
        ours = self._contest.ours
        others = [each for each in self._contest.outcomes if each is not ours]
        return [measure for each in others for measure in each.measures(ours, self._timed)]


def _chosen(text: str | None, names: Sequence[str]) -> list[str]:
    """The names of a list, or all; ValueError for one that is none of them."""
    asked = text.split(",") if text else list(names)
    for name in asked:
        if name not in names:
            raise ValueError(f"{name!r} is none of {', '.join(names)}")
    return asked
