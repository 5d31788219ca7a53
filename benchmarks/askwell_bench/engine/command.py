"""The ceiling: ctranslate2 called directly, what a step costs and why, and the server's cost model.

    askwell-bench engine --model models/smollm2-135m-instruct --save cost.json
    askwell-server --model models/smollm2-135m-instruct --cost-model cost.json

The engine runs in a process of its own with the environment that the server gives its engine process, so it
is what the server has; the settings section says what another environment would do. A step's floor is the
time to read its weights once at this machine's measured bandwidth. Points take turns, round after round,
until a section's time is used up, and medians are told; a large model leaves the dearest points out. With
--out also engine-step.svg. What was measured before an engine died is kept, marked partial: exit code 1.
"""

import argparse
import os
import sys
from pathlib import Path

from askwell_manifest import Manifest, read_manifest
from askwell_server.engine.cost import CostModel

from ..number import count
from ..result import add_out, finish, model_facts, write_whole
from .bandwidth import cores, read_gb_per_s
from .calibration import calibrate, plot_steps
from .grid import FULL, SHORT, Grid
from .report import Report, Stopped
from .sampling import sampling_section
from .section import Section
from .setting import settings_section
from .shape import forced_section, prefix_section
from .speed import Roof, prefill_section, step_section
from .subject import Engine, Subject
from .weights import step_traffic

NAME = "engine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="a folder of askwell-convert")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="default: cpu")
    add("--compute-type", default="auto", metavar="TYPE", help="as the server's (default: auto)")
    add("--threads", type=count, default=1, help="of the engine, on a CPU (default 1)")
    add("--short", action="store_true", help="fewer points: under a minute for a small model")
    add("--save", type=Path, metavar="FILE", help="write the cost model for askwell-server --cost-model")
    add_out(parser)


def run(arguments: argparse.Namespace) -> int:
    manifest = read_manifest(arguments.model)
    for file in (arguments.save, arguments.out and arguments.out / f"{NAME}.json"):
        _check_writable(file)
    grid = (SHORT if arguments.short else FULL).within(manifest.positions)
    engine = Engine(arguments.model, arguments.device, arguments.compute_type, arguments.threads)
    figures = {"model": model_facts(manifest), "device": engine.device, "threads": engine.threads}
    report = Report(NAME, arguments.out, figures)
    why: BaseException | None = None
    try:
        with Subject(engine) as subject:
            cost = _measure(subject, grid, manifest, report, arguments.save)
        if engine.device == "cpu":
            settings = settings_section(engine, grid, cost)
            report.take("malloc, OpenMP and other settings, against the server's", settings)
        report.figures["partial"] = False
    except Stopped as stopped:
        why = stopped.__cause__
    finish(NAME, report.figures, arguments.out, measures=report.measures)
    if why is None:
        return 0
    print(f"askwell-bench: the run is partial: {str(why) or 'interrupted'}", file=sys.stderr)
    return 130 if isinstance(why, KeyboardInterrupt) else 1


def _check_writable(file: Path | None) -> None:
    """Before minutes are spent on what could not be written."""
    if file is None:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        raise ValueError(f"cannot write {file}")


def _measure(
    subject: Subject, grid: Grid, manifest: Manifest, report: Report, save: Path | None
) -> CostModel | None:
    """Everything that one engine can tell; the cost model also tells later sections what they can afford."""
    roof = _roof(subject, report)
    budget_s, rounds, take = grid.budget_s, grid.rounds, report.take
    prefill = take("prefill", prefill_section("prefill", subject, grid.prefill, budget_s["prefill"], rounds))
    step = take("decoding step", step_section("step", subject, grid.step, roof, grid, budget_s["step"]))
    between = (
        prefill_section("held_out_prefill", subject, grid.held_out_prefill, budget_s["held out"] / 2, rounds),
        step_section("held_out_step", subject, grid.held_out_step, roof, grid, budget_s["held out"] / 2),
    )
    for title, section in zip(("prefill", "step"), between, strict=True):
        take(f"{title}, points that the cost model is not fitted to", section)
    calibration = calibrate(prefill, step, *between)
    if calibration:
        report.tell(calibration.lines, {"cost_model": calibration.figures})
        _write(calibration.model, step, manifest, report, save)
    cost = calibration.model if calibration else None
    take("sampling", sampling_section(subject, roof, grid, cost))
    take("forced tokens: prompts of unequal length", forced_section(subject, grid, cost))
    take("time to the first token of prompts with a common beginning", prefix_section(subject, grid, cost))
    return cost


def _roof(subject: Subject, report: Report) -> Roof:
    """What the weights weigh and how fast memory is read; of a GPU's memory nothing is measured here."""
    engine = subject.engine
    traffic = step_traffic(engine.model / "model.bin", subject.compute_type)
    all_cores = cores()
    used = min(engine.threads, all_cores)
    rates = {n: read_gb_per_s(n) for n in sorted({1, used, all_cores})} if engine.device == "cpu" else {}
    roof = Roof(traffic, rates.get(used))
    lines = [f"{engine.model.name}, {engine.device}, {subject.compute_type}, threads: {engine.threads}"]
    lines += [
        f"  memory is read at {rate:.1f} GB/s with threads: {threads}" for threads, rate in rates.items()
    ]
    floor = f", in no less than {roof.floor_s * 1e3:.1f} ms" if roof.floor_s else ""
    lines.append(f"  a step reads {traffic.step_bytes / 1e6:.0f} MB of weights{floor}")
    lines.append(f"  a token of context is {traffic.cache_bytes / 1e3:.0f} kB of cache a row")
    figures = {
        "compute_type": subject.compute_type,
        "read_gb_per_s": {str(threads): rate for threads, rate in rates.items()},
        "step_bytes": traffic.step_bytes,
        "cache_bytes_per_token": traffic.cache_bytes,
    }
    report.tell(lines, figures)
    return roof


def _write(model: CostModel, step: Section, manifest: Manifest, report: Report, save: Path | None) -> None:
    if save:
        write_whole(save, model.to_json())
        print(f"  it is in {save}")
    if report.out:
        plot_steps(report.out / f"{NAME}-step.svg", manifest.name, model, step)
