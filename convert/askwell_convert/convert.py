"""The flow of a conversion: open, plan, check, stream, describe, rename."""

import time
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal, Protocol

from askwell_manifest import MANIFEST_NAME, Conversion, Manifest, file_record

from .errors import ConvertError
from .folder import open_folder
from .gguf_source import open_gguf
from .hub import HUB_ID, fetch
from .memory import peak_rss_bytes
from .output import check_space, check_target, new_folder
from .plan import check_tensors
from .source import Source, model_name
from .specification import Precision, fill_specification
from .tokenizer import end_tokens, model_vocabulary, parse_tokenizer

TOOLS = ("askwell", "ctranslate2", "gguf", "numpy", "tokenizers")
SPACE_MARGIN_BYTES = 32_000_000  # tokenizer, vocabulary, manifest, and what the file system needs


@dataclass(frozen=True, slots=True)
class Request:
    """What to convert, to where, and how; see the command's help for the meaning of each."""

    source: str
    output: Path
    precision: Precision
    name: str | None = None
    revision: str | None = None
    prompt_style: Literal["base", "chat"] | None = None
    force: bool = False


class Progress(Protocol):
    """Follows the weights as they are written."""

    def begin(self, total_bytes: int) -> None: ...

    def advance(self, tensor: str, count_bytes: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Report:
    """What a conversion made, and what it took."""

    manifest: Manifest
    size_bytes: int


def convert(request: Request, progress: Progress) -> Report:
    """Write the model folder ``request.output``. Raises ConvertError, and then leaves nothing behind."""
    started = time.monotonic()
    check_target(request.output, force=request.force)
    source = open_source(request.source, request.revision)
    with closing(source.checkpoint):
        if request.output.exists() and _contains(request.output, request.source):
            raise ConvertError(f"{request.output} holds the source itself; choose another folder")
        return _write(request, source, progress, started)


def open_source(source: str, revision: str | None) -> Source:
    """Open a folder, a GGUF file or a hub id. Raises ConvertError when it is none of them."""
    path = Path(source)
    if path.exists() and revision is not None:
        raise ConvertError(f"--revision {revision} goes with a hub id; {source} is on this machine")
    if path.is_dir():
        return open_folder(path)
    if path.is_file():
        if path.suffix != ".gguf":
            raise ConvertError(
                f"{source} is no GGUF file; give a .gguf file, a Hugging Face folder or a hub id"
            )
        return open_gguf(path)
    if not HUB_ID.fullmatch(source) or source.endswith(".gguf"):
        raise ConvertError(f"there is no file or folder {source}, and it is no hub id (org/name)")
    folder, commit = fetch(source, revision)
    return open_folder(folder, label=source, revision=commit)


def _write(request: Request, source: Source, progress: Progress, started: float) -> Report:
    plan, tokenizer = source.plan, source.tokenizer
    check_tensors(plan, source.checkpoint)
    style = request.prompt_style or ("chat" if tokenizer.chat_template else "base")
    if style == "chat" and not tokenizer.chat_template:
        raise ConvertError(f"{source.label} has no chat template; convert it with --prompt-style base")
    vocabulary = model_vocabulary(
        parse_tokenizer(tokenizer.json_text, source.label),
        plan.vocabulary_size,
        plan.padding_token,
        source.label,
    )
    filled = fill_specification(
        plan, source.checkpoint, request.precision, vocabulary, tokenizer.special, progress.advance
    )
    check_space(request.output, filled.weight_bytes + SPACE_MARGIN_BYTES)
    with new_folder(request.output.resolve(), force=request.force) as folder:
        progress.begin(filled.weight_bytes)
        filled.spec.save(str(folder))
        (folder / "tokenizer.json").write_text(tokenizer.json_text, encoding="utf-8")
        files = {path.name: file_record(path) for path in sorted(folder.iterdir())}
        size_bytes = sum(path.stat().st_size for path in folder.iterdir())
        manifest = Manifest(
            name=request.name or model_name(source.label),
            source=source.label,
            revision=source.revision,
            architecture=plan.architecture,
            positions=plan.positions,
            vocabulary_size=plan.vocabulary_size,
            quantization=request.precision.quantization,
            weight_range=request.precision.weight_range,
            prompt_style=style,
            end_tokens=end_tokens(tokenizer.special.ends, vocabulary, chat=style == "chat"),
            bos_token=tokenizer.special.bos,
            add_bos=tokenizer.special.add_bos,
            chat_template=tokenizer.chat_template if style == "chat" else None,
            files=files,
            conversion=Conversion(
                versions={tool: version(tool) for tool in TOOLS},
                seconds=round(time.monotonic() - started, 2),
                peak_rss_bytes=peak_rss_bytes(),
            ),
        )
        (folder / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
    return Report(manifest, size_bytes)


def _contains(folder: Path, source: str) -> bool:
    return Path(source).resolve().is_relative_to(folder.resolve())
