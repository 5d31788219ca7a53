"""A full-size GPT-J of random weights: convert it, serve it, measure it; resumable, stage by stage.

    askwell-bench gptj --work /large/disk/gptj --out benchmarks/results            # 28 layers: 25 GB of disk
    askwell-bench gptj --work /tmp/gptj --layers 2 --stages checkpoint,convert,decode

Each stage is under nine minutes and leaves a JSON file of its own, in --out, as soon as it is done; the next
run skips what is there, whole and of this machine. A stage that fails is recorded with its reason, and the
others go on where they can.
"""

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from askwell_server.engine.cpu import physical_cores

from ..result import finish
from . import decode, serve
from .checkpoint import checkpoint_stage, is_complete
from .child import run_process
from .convert import convert_stage, is_whole
from .gpu import FLOAT16_STAGES, GPU_STAGES
from .journal import Journal
from .mlperf import mlperf_stage
from .room import check_space
from .shape import Shape
from .stage import FULL_LAYERS, Stage, Work

NAME = "gptj"
_STOCK_PYTHON = Path(".venv-torch/bin/python")
_COUNT_GPUS = "import ctranslate2; print(ctranslate2.get_cuda_device_count())"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--work",
        type=Path,
        required=True,
        metavar="DIR",
        help="where the checkpoint and the models go and stay",
    )
    add("--out", type=Path, metavar="DIR", help="where the results go (default: the folder of --work)")
    add("--layers", type=int, default=FULL_LAYERS, help=f"a slice of the model (default {FULL_LAYERS}, all)")
    add("--stages", metavar="A,B", help="only these (default: all that the device can do)")
    add("--convert-only", action="store_true", help="the same as --stages checkpoint,convert")
    add("--again", action="store_true", help="measure also what has a result")
    add("--threads", type=int, default=0, help="ctranslate2's on a CPU (default: one for each core)")
    add("--device", choices=("cpu", "cuda"), help="default: cuda where there is an NVIDIA GPU")
    add("--pairs", type=int, default=1, help="conversions, ours and stock in turn (default 1)")
    add(
        "--stock-python", type=Path, default=_STOCK_PYTHON, metavar="PYTHON",
        help=f"of an environment with torch, for the stock converter (default {_STOCK_PYTHON})",
    )  # fmt: skip
    add("--mlperf-samples", type=int, default=1, help="samples of MLPerf's shape (default 1)")
    add("--texts", type=Path, nargs="+", default=[], metavar="FILE", help="texts for perplexity on a GPU")
    add("--default-model", type=Path, metavar="GGUF", help="the demo's model, for its fidelity on a GPU")


def run(arguments: argparse.Namespace) -> int:
    if not 1 <= arguments.layers <= FULL_LAYERS or min(arguments.pairs, arguments.mlperf_samples) < 1:
        raise ValueError(f"gptj needs 1 to {FULL_LAYERS} layers, and at least one pair and one sample")
    has_gpu = _has_gpu()
    work = Work(
        folder=arguments.work,
        layers=arguments.layers,
        device=_device(arguments.device, has_gpu),
        threads=arguments.threads or physical_cores(),
        default_model=arguments.default_model,
        texts=tuple(arguments.texts),
    )
    shape = Shape(layers=arguments.layers)
    stages = choose(_stages(arguments, shape), _wanted(arguments), work.device)
    work.folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(arguments.out or arguments.work, work)
    due = {stage.name: why for stage in stages if (why := why_due(stage, journal, arguments.again))}
    check_space(work.folder, needed_bytes(due, work, shape, arguments.stock_python.exists()))
    states = run_stages(stages, due, journal)
    if work.device == "cpu":
        print(f"GPU stages: not measured ({'run with --device cuda' if has_gpu else 'no NVIDIA GPU here'})")
    finish(NAME, {"layers": work.layers, "device": work.device, "stages": states})
    return 1 if any(state.startswith("failed") for state in states.values()) else 0


def why_due(stage: Stage, journal: Journal, again: bool = False) -> str | None:
    """Why a stage is to be measured; None when its result stands, and what it leaves for others is there."""
    if again:
        return "asked for again"
    if why := journal.why_due(stage.name):
        return why
    if stage.left is None or stage.left(journal.work):
        return None
    return f"what it made is no longer in {journal.work.folder}"


def run_stages(stages: Sequence[Stage], due: Mapping[str, str], journal: Journal) -> dict[str, str]:
    """Measure what is due, for the reason given, and tell of each stage whether it was measured, skipped or
    failed, and why."""
    states: dict[str, str] = {}
    try:
        for stage in stages:
            if stage.name not in due:
                print(f"{stage.name}: there already, {journal.path(stage.name)} (--again measures anew)")
                states[stage.name] = "skipped"
                continue
            print(f"{stage.name}: {stage.summary} ({due[stage.name]})", flush=True)
            states[stage.name] = _run_stage(stage, journal)
    except KeyboardInterrupt:
        done = [name for name, state in states.items() if state in ("measured", "skipped")]
        print(
            f"askwell-bench: interrupted; {', '.join(done) or 'nothing'} stays in {journal.folder}, "
            "the same command goes on from there",
            file=sys.stderr,
        )
        raise
    return states


def _run_stage(stage: Stage, journal: Journal) -> str:
    try:
        finding = stage.measure(journal.work)
    except Exception as error:  # one stage's failure, even a bug, must not take the others' time along
        why = " ".join(str(error).split()) or type(error).__name__
        if not isinstance(error, RuntimeError | ValueError | OSError):
            why = f"{type(error).__name__}: {why}"
        print(f"askwell-bench: {stage.name} failed: {why}", file=sys.stderr, flush=True)
        journal.record_failure(stage.name, why)
        return f"failed: {why}"
    for line in finding.lines:
        print(f"  {line}")
    journal.record(stage.name, finding)
    print(f"  → {journal.path(stage.name)}", flush=True)
    return "measured"


def choose(stages: Sequence[Stage], wanted: Sequence[str] | None, device: str) -> list[Stage]:
    """Those wanted, in the order of the run. Raises ValueError for one unknown, or not of this device."""
    fitting = [stage for stage in stages if stage.device in ("any", device)]
    if wanted is None:
        return fitting
    names = [stage.name for stage in fitting]
    for name in wanted:
        if name in names:
            continue
        if name in (stage.name for stage in stages):
            raise ValueError(f"the stage {name} does not run on {device}; choose another --device")
        near = get_close_matches(name, names, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
        raise ValueError(f"there is no stage {name!r}; {hint}")
    return [stage for stage in fitting if stage.name in wanted]


def needed_bytes(due: Collection[str], work: Work, shape: Shape, stock: bool) -> int:
    """What the due stages will add to the disk: int8 takes half of the checkpoint's float16."""
    needed = 0
    if "checkpoint" in due and not is_complete(work.checkpoint, shape):
        needed += shape.weights_bytes
    if "convert" in due:
        needed += shape.weights_bytes // 2 * ((not work.model.exists()) + stock)
    if any(name in due for name in FLOAT16_STAGES) and not is_whole(work.float16_model):
        needed += shape.weights_bytes
    return int(needed * 1.01)


def _stages(arguments: argparse.Namespace, shape: Shape) -> tuple[Stage, ...]:
    return (
        checkpoint_stage(shape),
        convert_stage(arguments.pairs, arguments.stock_python),
        decode.STAGE,
        serve.STAGE,
        mlperf_stage(arguments.mlperf_samples),
        *GPU_STAGES,
    )


def _wanted(arguments: argparse.Namespace) -> list[str] | None:
    if arguments.convert_only:
        if arguments.stages:
            raise ValueError("--convert-only names the stages already; leave --stages out")
        return ["checkpoint", "convert"]
    return arguments.stages.split(",") if arguments.stages else None


def _device(asked: str | None, has_gpu: bool) -> Literal["cpu", "cuda"]:
    if asked == "cuda" and not has_gpu:
        raise ValueError("ctranslate2 finds no NVIDIA GPU here; run with --device cpu")
    if asked == "cpu" or not has_gpu:
        return "cpu"
    return "cuda"


def _has_gpu() -> bool:
    """Asked in another process: CUDA would make this one large, and its children look large."""
    ended = run_process([sys.executable, "-c", _COUNT_GPUS], limit_s=60)
    return ended.code == 0 and int(ended.output[-1]) > 0
