"""A training run from its config to the folder that it leaves."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from .base_model import compute_again, find_base, load_base
from .checkpoint import last_checkpoint, load_checkpoint
from .config import Config
from .data_set import EncodedSplit, read_split
from .errors import FinetuneError
from .learner import AdapterLearner, Learner
from .progress import StderrProgress
from .run_record import RunRecord, read_record, write_record
from .tokens import Encoded, ExampleEncoder

LOCK = ".lock"


def run_training(config: Config, *, resume: bool, learner: Learner | None = None) -> None:
    """Without ``learner`` an adapter learns.

    Raises FinetuneError, ConvertError or ValueError, one line each; a new run has written nothing by then
    unless it has begun to train.
    """
    run, learner = Path(config.out), learner or AdapterLearner()
    before = run_before(run, resume=resume, advice=", or go on with it by --resume")
    base = find_base(config.model, config.revision)
    encoder = ExampleEncoder(base.source)
    positions = base.source.plan.positions
    train, validation = (
        read_split(Path(config.data), name, encoder, positions) for name in ("train", "validation")
    )
    accelerator = accelerator_for(config.device)
    more = learner.more(encoder)
    splits = (train, validation, *more)
    record = RunRecord.of(config, base, splits, accelerator.device, accelerator.num_processes)
    if before is not None:
        record.refuse_another(before, config, str(run))
    screen = StderrProgress(quiet=not accelerator.is_main_process)
    for split in splits:
        screen.say(_told(split, positions))
    model = load_base(base, config.dtype)
    if config.batch.gradient_checkpointing:
        compute_again(model)
    learning = learner.wrap(model, base, config)

    from .training import Training

    examples = [example for split in (train, *more) for example in split.examples]
    training = Training(
        config, learner, learning, examples, _some(validation, config), accelerator, run, screen
    )
    with locked(run, new=before is None) if accelerator.is_main_process else nullcontext():
        if (checkpoint := last_checkpoint(run)) is not None:
            training.resume(load_checkpoint(checkpoint))
            screen.say(f"going on from {checkpoint.name}")
        if accelerator.is_main_process:
            write_record(run, record, training.standing)
        accelerator.wait_for_everyone()
        try:
            training.run()
        except KeyboardInterrupt:
            kept = last_checkpoint(run)
            told = f"from {kept.name}" if kept else "from the beginning: there was no checkpoint yet"
            raise KeyboardInterrupt(f"interrupted; --resume goes on {told}") from None
        finally:
            screen.close()
        if accelerator.is_main_process:
            _finish(run, learner, base.label, training, record, screen)
    accelerator.end_training()


@contextmanager
def locked(run: Path, *, new: bool) -> Iterator[None]:
    """The folder, made where there is none, is this process's alone; the system frees it when that dies.

    Raises FinetuneError when another run has it, or had it since this one looked and found nothing.
    """
    run.mkdir(parents=True, exist_ok=True)
    with (run / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FinetuneError(
                f"another run is training in {run}: wait for it, or choose another out folder"
            ) from None
        if new:
            run_before(run, resume=False)
        yield


def _finish(
    run: Path, learner: Learner, label: str, training: Any, record: RunRecord, screen: StderrProgress
) -> None:
    from .curves import draw_curves

    standing = training.standing
    training.save_best()
    write_record(run, record, standing)
    draw_curves(run / "curves.svg", f"{label}: {standing.step} steps", standing)
    screen.say(
        f"{standing.stopped} after {standing.step} steps and {standing.seconds / 60:.1f} minutes; "
        f"validation loss {standing.best:.4f} at step {standing.best_step}; "
        f"{learner.folder} in {run / learner.folder}"
    )


def run_before(run: Path, *, resume: bool, advice: str = "") -> dict[str, Any] | None:
    """The record of the run to go on with. Raises FinetuneError, with ``advice``, rather than overwrite
    anything."""
    if not run.exists() or (run.is_dir() and all(each.name == LOCK for each in run.iterdir())):
        return None
    if not resume:
        raise FinetuneError(f"{run} exists already: choose another out folder{advice}")
    return read_record(run)


def accelerator_for(device: str) -> Any:
    """Raises FinetuneError for "cuda" where there is none."""
    import torch
    from accelerate import Accelerator

    if device == "cuda" and not torch.cuda.is_available():
        raise FinetuneError("device is cuda, and torch sees no GPU here; set device to cpu or auto")
    return Accelerator(cpu=device == "cpu")


def _some(validation: EncodedSplit, config: Config) -> list[Encoded]:
    """The validation examples that are used, the same ones in every run of the seed."""
    examples, count = validation.examples, config.watch.validation_examples
    if len(examples) <= count:
        return list(examples)
    chosen = np.random.default_rng(config.seed).choice(len(examples), count, replace=False)
    return [examples[number] for number in sorted(chosen)]


def _told(split: EncodedSplit, positions: int) -> str:
    said = f"{split.name}: {len(split.examples):,} examples"
    if split.too_long:
        said += f"; {split.too_long:,} left out: longer than the model's {positions:,} positions"
    return said
