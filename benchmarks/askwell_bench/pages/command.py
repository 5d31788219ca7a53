"""The README's table, docs/performance.md and its plots, from the results; no figure is typed by hand.

A loss to a peer that losses.toml does not explain is refused: exit code 1, and nothing is written.
"""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from ..result import write_whole
from .drawing import Drawing, drawings, is_drawn
from .loss import Losses, find_losses, read_reasons
from .machine import surroundings
from .page import performance_page
from .readme import readme_table, readme_with_table
from .source import Results

NAME = "report"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--results", type=Path, default=Path("benchmarks/results"), metavar="DIR", help="the JSON files")
    add("--readme", type=Path, default=Path("README.md"), metavar="FILE", help="whose table to replace")
    add("--out", type=Path, default=Path("docs/performance.md"), metavar="FILE", help="the page to write")
    add("--plots", type=Path, default=Path("docs/plots"), metavar="DIR", help="where its plots go")
    add(
        "--check",
        action="store_true",
        help="write nothing; exit 1 when the files are not what the results give",
    )


@dataclass(frozen=True, slots=True)
class _Report:
    """What the results give: texts by path, and plots."""

    texts: dict[Path, str]
    plots: list[Drawing]
    folder: Path

    def write(self) -> None:
        for path, text in self.texts.items():
            write_whole(path, text)
        for plot in self.plots:
            plot.draw(self.folder)
        for path in self._leftovers():
            path.unlink()

    def drifted(self) -> list[Path]:
        texts = [path for path, text in self.texts.items() if not path.is_file() or _read(path) != text]
        plots = [plot.path(self.folder) for plot in self.plots if not plot.is_current(self.folder)]
        return texts + plots + self._leftovers()

    def _leftovers(self) -> list[Path]:
        """Plots of results that are gone; somebody else's plots in the folder stay."""
        kept = {plot.path(self.folder) for plot in self.plots}
        return sorted(path for path in self.folder.glob("*.svg") if path not in kept and is_drawn(path))


def run(arguments: argparse.Namespace) -> int:
    results = Results(arguments.results)
    losses = find_losses(results.one("peers"), read_reasons())
    for reason in losses.stale:
        print(f"losses.toml: {reason}: no longer a loss; remove the entry", file=sys.stderr)
    for loss in losses.unexplained:
        print(f"a loss that losses.toml does not explain: {loss}", file=sys.stderr)
    if losses.unexplained:
        return 1
    report = _report(arguments, results, losses)
    if arguments.check:
        drifted = [str(path) for path in report.drifted()]
        if drifted:
            print(f"not what the results give (make report): {', '.join(drifted)}", file=sys.stderr)
        return 1 if drifted else 0
    report.write()
    print(f"{len(results.all)} results: {', '.join(map(str, report.texts))}, {len(report.plots)} plots")
    return 0


def _report(given: argparse.Namespace, results: Results, losses: Losses) -> _Report:
    usual = surroundings(results.all)
    plots = drawings(results)
    links = {plot.name: _link(plot.path(given.plots), given.out) for plot in plots}
    page = performance_page(results, usual, losses, _link(given.results, given.out), links)
    table = readme_table(results, usual, _link(given.out, given.readme))
    texts = {given.out: page, given.readme: readme_with_table(_read(given.readme), table)}
    return _Report(texts, plots, given.plots)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _link(target: Path, page: Path) -> str:
    """How a Markdown file finds another file."""
    return Path(os.path.relpath(target, page.parent)).as_posix()
