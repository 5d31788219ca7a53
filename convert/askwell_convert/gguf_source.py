"""Opening a GGUF file of the Llama family."""

import os
from pathlib import Path

from .errors import ConvertError
from .gguf_checkpoint import GgufCheckpoint
from .gguf_header import read_gguf_header
from .gguf_tokenizer import gguf_tokenizer
from .llama import llama_plan
from .settings import Settings
from .source import Source


def open_gguf(path: Path) -> Source:
    """Raises ConvertError for a broken file, another architecture, or a tokenizer that is not known here."""
    try:
        header = read_gguf_header(path)
    except OSError as error:
        raise ConvertError(f"cannot read {path}: {error.strerror}") from None
    architecture = header.metadata.get("general.architecture")
    if architecture != "llama":
        raise ConvertError(
            f"{path.name} holds a {architecture!r} model; of GGUF files, only llama can be converted"
        )
    if "rope_freqs.weight" in header.tensors:
        raise ConvertError(
            f"{path.name} uses rope scaling (rope_freqs.weight), which this converter does not know"
        )
    embedding = header.tensors.get("token_embd.weight")
    if embedding is None:
        raise ConvertError(f"{path.name} lacks tensor token_embd.weight")
    metadata = Settings(header.metadata, path.name)
    plan = llama_plan(metadata, vocabulary=embedding.shape[0], tied="output.weight" not in header.tensors)
    tokenizer = gguf_tokenizer(metadata)
    label = os.fsencode(path.name).decode(errors="replace")  # the manifest is UTF-8
    return Source(label, None, plan, GgufCheckpoint(path, header.tensors), tokenizer)
