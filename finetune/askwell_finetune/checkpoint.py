"""Checkpoints: whole or not there at all, the newest kept.

The randomness of a step is drawn from its number, so weights, moments and the standing are all that it takes
to go on as if nothing had happened.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import FinetuneError
from .standing import Standing

FOLDER, TENSORS, STANDING = "checkpoints", "tensors.pt", "standing.json"
OLD = ".old"  # of a step's checkpoint that is being replaced


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """``weights`` of the adapter now, ``optimizer`` as torch.distributed.checkpoint gives its state, and
    ``best``, the weights at the best validation, empty before the first."""

    standing: Standing
    weights: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    best: Mapping[str, Any]


def save_checkpoint(run: Path, checkpoint: Checkpoint) -> Path:
    """Raises FinetuneError, and leaves the checkpoint before, when the disk does not take it."""
    import torch

    folder = run / FOLDER / f"step-{checkpoint.standing.step:08}"
    part = run / FOLDER / ".part"
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        (part / STANDING).write_text(json.dumps(checkpoint.standing.to_json()), encoding="utf-8")
        with (part / TENSORS).open("wb") as file:
            tensors = (dict(checkpoint.weights), dict(checkpoint.optimizer), dict(checkpoint.best))
            torch.save(tensors, file)
            file.flush()
            os.fsync(file.fileno())
        if folder.exists():  # the same step again: a kill between these lines leaves the one before
            old = folder.with_suffix(OLD)
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        part.rename(folder)
    except (OSError, RuntimeError) as error:  # torch.save's own writer raises the latter on a full disk
        shutil.rmtree(part, ignore_errors=True)
        raise cannot_write(run, f"the checkpoint of step {checkpoint.standing.step}", error) from None
    for other in (run / FOLDER).iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def cannot_write(run: Path, what: str, error: Exception) -> FinetuneError:
    """What to say of a full disk and the like: the reason, and from where the run can go on."""
    reason = (isinstance(error, OSError) and error.strerror) or " ".join(str(error).split())[:200]
    before = last_checkpoint(run)
    kept = (
        f"{before.name} is whole: make room and go on with --resume"
        if before
        else "there is no checkpoint before it"
    )
    return FinetuneError(f"cannot write {what}: {reason}; {kept}")


def last_checkpoint(run: Path) -> Path | None:
    """The newest whole one; of two of a step the one that was written last."""
    found = (run / FOLDER).glob("step-*") if (run / FOLDER).is_dir() else ()
    return max(found, key=lambda folder: (folder.stem, folder.suffix != OLD), default=None)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Raises FinetuneError for a checkpoint that somebody else changed."""
    import torch

    try:
        standing = Standing.from_json(json.loads((folder / STANDING).read_text(encoding="utf-8")))
        weights, optimizer, best = torch.load(folder / TENSORS, map_location="cpu", weights_only=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        line = " ".join(str(error).split())
        raise FinetuneError(
            f"cannot read the checkpoint {folder}: {line}; start anew in another folder"
        ) from None
    return Checkpoint(standing, weights, optimizer, best)
