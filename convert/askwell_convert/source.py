"""A checkpoint that was opened and understood, whatever it was."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .checkpoint import Checkpoint
from .plan import Plan
from .tokenizer import SourceTokenizer

QUANTIZATION_SUFFIX = re.compile(r"[.-](i?q\d\w*|f16|f32|bf16)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """``label`` is the hub id or the last part of the path; ``revision`` is the hub's commit."""

    label: str
    revision: str | None
    plan: Plan
    checkpoint: Checkpoint
    tokenizer: SourceTokenizer


def file_name(path: Path) -> str:
    """The last part of a path, as UTF-8 can spell it: manifests are UTF-8."""
    return os.fsencode(path.name).decode(errors="replace")


def model_name(label: str) -> str:
    """A name for the model: ``SmolLM2-135M-Instruct.Q4_1.gguf`` becomes ``smollm2-135m-instruct``."""
    name = label.rstrip("/").rpartition("/")[2]
    name = QUANTIZATION_SUFFIX.sub("", name.removesuffix(".gguf"))
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._") or "model"
