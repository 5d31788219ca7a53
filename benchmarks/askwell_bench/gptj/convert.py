"""The stage ``convert``: askwell-convert and the stock converter, in turn, each in a process of its own.

Both make int8_float16 of the same checkpoint, whose file is read once before each of them: from memory, then,
as far as it fits there. Pairs take turns in who is first. The stock converter (ctranslate2's own, by way of
transformers) needs an environment with torch; where there is none, or too little memory, ours is measured
alone and the result says why. What the stock converter makes is deleted; our model folder is kept for the
other stages.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from askwell_manifest import ManifestError, read_manifest

from ..result import Measure
from .checkpoint import WEIGHTS
from .child import Ended, run_process
from .loaded import tell
from .room import folder_bytes, memory_lack, warm_page_cache
from .shape import Shape
from .stage import Finding, Stage, Work

_OURS_LIMIT_S, _STOCK_LIMIT_S = 130.0, 370.0  # and reading the checkpoint twice: nine minutes at most
_NO_HUB = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TQDM_DISABLE": "1"}
_TOOLS = ("torch", "transformers", "ctranslate2")
_PROBE = f"import {', '.join(_TOOLS)}; print({', '.join(f'{tool}.__version__' for tool in _TOOLS)})"
_STOCK = "from ctranslate2.converters.transformers import main; main()"


def convert_stage(pairs: int, stock_python: Path) -> Stage:
    """The stage with ``pairs`` of conversions; each pair is under nine minutes."""
    return Stage(
        "convert",
        "convert it to int8, ours and stock in turn",
        lambda work: _measure(work, pairs, stock_python),
        left=lambda work: is_whole(work.model),
    )


def is_whole(model: Path) -> bool:
    """Whether a model folder is there, with all that its manifest names."""
    try:
        read_manifest(model)
    except ManifestError:
        return False
    return True


@dataclass(slots=True)
class _Side:
    """What one converter took, round by round, and the bytes that it made."""

    seconds: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    size: int = 0

    def add(self, ended: Ended, output: Path) -> None:
        self.seconds.append(ended.seconds)
        self.peak_mb.append(ended.peak_mb)
        self.size = folder_bytes(output)

    @property
    def figures(self) -> dict[str, Any]:
        return {"seconds": self.seconds, "peak_mb": self.peak_mb, "bytes": self.size}

    def line(self, label: str) -> str:
        return (
            f"{label:<8}{median(self.seconds):>9.1f} s{median(self.peak_mb):>11,.0f} MB peak"
            f"{self.size / 1e9:>9.2f} GB written"
        )


def _measure(work: Work, pairs: int, stock_python: Path) -> Finding:
    Shape.of_checkpoint(work.checkpoint)  # or there is nothing to convert
    size = (work.checkpoint / WEIGHTS).stat().st_size
    ours, stock = _Side(), _Side()
    versions, absent = _stock_versions(stock_python, size)
    for pair in range(pairs):
        order = ("ours", "stock") if pair % 2 == 0 else ("stock", "ours")
        for side in order:
            if side == "ours":
                _convert_ours(work, ours)
            elif absent is None:
                absent = _convert_stock(work, stock_python, stock)
    told: Mapping[str, Any] = {"absent": absent} if absent else {**stock.figures, "versions": versions}
    figures = {"checkpoint_bytes": size, "pairs": pairs, "ours": ours.figures, "stock": told}
    lines = [ours.line("ours")]
    if absent:
        return Finding((*lines, f"stock: not measured: {absent}"), figures)
    ratios = [
        _ratio("time_ratio", ours.seconds, stock.seconds),
        _ratio("memory_ratio", ours.peak_mb, stock.peak_mb),
    ]
    lines += [stock.line("stock")]
    lines += [f"{each.name}, ours / stock: {median(each.values):.3f}" for each in ratios]
    medians = {each.name: median(each.values) for each in ratios}
    return Finding(tuple(lines), {**figures, **medians}, tuple(ratios))


def _ratio(name: str, ours: list[float], stock: list[float]) -> Measure:
    values = tuple(a / b for a, b in zip(ours, stock, strict=True))
    return Measure(name, "ours/stock", "lower", values, relative=True)


def _convert_ours(work: Work, side: _Side) -> None:
    """Raises RuntimeError with the converter's own line when it refuses."""
    _start(work, "askwell-convert", work.model)
    target = "cuda" if work.device == "cuda" else "any"
    name = f"gptj-{work.layers}-layers-random"
    ended = run_process(
        [
            sys.executable, "-m", "askwell_convert.command", str(work.checkpoint), str(work.model),
            "--target", target, "--name", name,
        ],
        limit_s=_OURS_LIMIT_S,
    )  # fmt: skip
    if ended.failure:
        raise RuntimeError(ended.failure)
    side.add(ended, work.model)


def _convert_stock(work: Work, python: Path, side: _Side) -> str | None:
    """Why there is no figure, or None where there is one."""
    output = work.folder / f"gptj-{work.layers}-layers-stock"
    _start(work, "the stock converter", output)
    try:
        ended = run_process(
            [
                str(python), "-c", _STOCK, "--model", str(work.checkpoint), "--output_dir", str(output),
                "--quantization", "int8_float16", "--low_cpu_mem_usage",
            ],
            limit_s=_STOCK_LIMIT_S,
            env=_NO_HUB,
        )  # fmt: skip
        if ended.failure:
            return f"the stock converter: {ended.failure}"
        side.add(ended, output)
    finally:
        shutil.rmtree(output, ignore_errors=True)
    return None


def _start(work: Work, converter: str, output: Path) -> None:
    tell(f"{converter}, after reading the checkpoint once")
    shutil.rmtree(output, ignore_errors=True)  # of an earlier run, and there may be no room for two
    warm_page_cache(work.checkpoint / WEIGHTS)


def _stock_versions(python: Path, checkpoint_bytes: int) -> tuple[dict[str, str], str | None]:
    """The versions that the stock converter runs with, and why it cannot run, if so."""
    if not os.access(python, os.X_OK):
        return {}, "no torch environment (name the Python of one with --stock-python)"
    probe = run_process([str(python), "-c", _PROBE], limit_s=120, env=_NO_HUB)
    if probe.failure:
        return {}, f"no torch environment: {probe.failure}"
    versions = dict(zip(_TOOLS, probe.output[-1].split(), strict=True))
    if lack := memory_lack(int(1.1 * checkpoint_bytes)):  # it holds the whole checkpoint
        return versions, f"the stock converter {lack}"
    return versions, None
