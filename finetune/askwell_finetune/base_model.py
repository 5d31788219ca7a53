"""The model that an adapter is trained for: found, named by its sha256, loaded by transformers and frozen."""

import hashlib
import io
import warnings
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from askwell_convert.convert import open_source
from askwell_convert.hub import HUB_ID, fetch
from askwell_convert.source import Source

from .errors import FinetuneError

WEIGHTS = (".safetensors", ".bin", ".gguf")
BLOCK_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Base:
    """``path`` is a GGUF file or a Hugging Face folder here; ``source`` is it as the converter reads it.

    ``sha256`` is of the weights, all files of them in the order of their names.
    """

    path: Path
    source: Source
    sha256: str

    @property
    def label(self) -> str:
        """The file's name or the hub id: nothing of where it lies on this machine."""
        return self.source.label


def find_base(model: str, revision: str) -> Base:
    """Raises ConvertError for what the converter could not convert: its adapter would be of no use."""
    path = Path(model)
    if path.exists():
        source = open_source(model, revision or None)
        return Base(path, source, _sha256(path))
    if not HUB_ID.fullmatch(model) or model.endswith(".gguf"):
        raise FinetuneError(f"there is no file or folder {model}, and it is no hub id (org/name)")
    path, _ = fetch(model, revision or None)
    return Base(path, open_source(model, revision or None), _sha256(path))


def _sha256(path: Path) -> str:
    """Seconds for each gigabyte."""
    digest, block = hashlib.sha256(), memoryview(bytearray(BLOCK_BYTES))
    files = [path] if path.is_file() else sorted(each for each in path.iterdir() if each.suffix in WEIGHTS)
    for each in files:
        with each.open("rb", buffering=0) as file:
            while count := file.readinto(block):
                digest.update(block[:count])
    return digest.hexdigest()


def load_base(base: Base, dtype: str) -> Any:
    """The frozen ``transformers`` model on the CPU, its weights in ``dtype``.

    A GGUF file's weights become float32 first. Raises FinetuneError when transformers cannot read it.
    """
    import torch
    import transformers
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder, extra = (
        (base.path, {}) if base.path.is_dir() else (base.path.parent, {"gguf_file": base.path.name})
    )
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):  # a bar that cannot be turned off
            warnings.simplefilter("ignore")
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                str(folder),
                dtype=getattr(torch, "float32" if extra else dtype),
                local_files_only=True,
                **extra,
            )
    except Exception as error:  # transformers raises whatever its parts do
        line = " ".join(str(error).split())
        raise FinetuneError(f"transformers cannot load {base.label}: {line}") from None
    model.requires_grad_(False)
    return model.to(getattr(torch, dtype))


def compute_again(model: Any) -> None:
    """Keep no activations inside the blocks, but compute them again on the way back: a third more time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it will have another name in transformers 6
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
