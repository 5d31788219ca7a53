"""Opening a GGUF file of the Llama family."""

from pathlib import Path

from .errors import ConvertError
from .gguf_checkpoint import GgufCheckpoint
from .gguf_header import read_gguf_header
from .gguf_tokenizer import gguf_tokenizer
from .llama import gguf_name, llama_plan
from .llama_shape import llama_shape_from_gguf
from .settings import Settings
from .source import Source, file_name

ARCHITECTURES = ("llama", "qwen2")  # Mistral's files say llama


def open_gguf(path: Path) -> Source:
    """Raises ConvertError for a broken file, another architecture, or a tokenizer that is not known here."""
    try:
        header = read_gguf_header(path)
    except OSError as error:
        raise ConvertError(f"cannot read {path}: {error.strerror}") from None
    architecture = header.metadata.get("general.architecture")
    if architecture not in ARCHITECTURES:
        raise ConvertError(
            f"{path.name} holds a {architecture!r} model; of GGUF files, only {' and '.join(ARCHITECTURES)} "
            "can be converted"
        )
    embedding = header.tensors.get("token_embd.weight")
    if embedding is None:
        raise ConvertError(f"{path.name} lacks tensor token_embd.weight")
    metadata = Settings(header.metadata, path.name)
    shape = llama_shape_from_gguf(metadata, header.tensors.keys(), embedding.shape[0])
    plan = llama_plan(shape, gguf_name)
    tokenizer = gguf_tokenizer(metadata)
    return Source(file_name(path), None, plan, GgufCheckpoint(path, header.tensors), tokenizer)
