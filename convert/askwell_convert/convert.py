"""The flow of a conversion: open, plan, check, stream, describe, rename."""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal, Protocol

from askwell_manifest import MANIFEST_NAME, Conversion, Manifest, file_record

from .calibration.calibrate import Calibrated, Calibration, calibrate, calibrated_bytes, weight_count
from .errors import ConvertError
from .folder import open_folder
from .gguf_source import open_gguf
from .hub import HUB_ID, fetch
from .memory import peak_rss_bytes
from .output import check_file_target, check_space, check_target, new_folder
from .plan import check_tensors
from .source import Source, file_name, model_name
from .source_files import SourceFiles
from .specification import Precision, Specification, fill_specification
from .tokenizer import end_tokens, model_vocabulary, parse_tokenizer
from .variable import Made
from .writer import MODEL, write_model

if TYPE_CHECKING:
    from .report import QuantizationReport

TOOLS = ("askwell", "ctranslate2", "gguf", "numpy", "tokenizers")
SPACE_MARGIN_BYTES = 32_000_000  # tokenizer, vocabulary, manifest, and what the file system needs


@dataclass(frozen=True, slots=True)
class Request:
    """What to convert, to where, and how; see the command's help for the meaning of each.

    ``adapter`` is a folder whose deltas are merged into the weights; ``report`` is the file for a picture of
    what quantization did to each matrix. ``calibrate`` fits int8 to what the model computes.
    """

    source: str
    output: Path
    precision: Precision
    name: str | None = None
    revision: str | None = None
    prompt_style: Literal["base", "chat"] | None = None
    force: bool = False
    adapter: Path | None = None
    report: Path | None = None
    calibrate: Calibration | None = None


class Progress(Protocol):
    """Follows the weights as they are written. Several threads tell it of their advance."""

    def begin(self, total_bytes: int) -> None: ...

    def advance(self, tensor: str, count_bytes: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Report:
    """What a conversion made, and what it took. ``table`` is the quantization report's, when asked for."""

    manifest: Manifest
    size_bytes: int
    table: str | None = None


@dataclass(frozen=True, slots=True)
class _Located:
    """A source on this machine. ``label`` and ``commit`` are those of a hub id."""

    path: Path
    label: str | None = None
    commit: str | None = None


def convert(request: Request, progress: Progress) -> Report:
    """Write the model folder ``request.output``. Raises ConvertError, and then leaves nothing behind."""
    started = time.monotonic()
    check_target(request.output, force=request.force)
    _check_report(request)
    if request.calibrate and not request.precision.weight_range:
        raise ConvertError("--calibrate fits int8 weights; choose an int8 quantization")
    located = _located(request.source, request.revision)
    files = SourceFiles.now(located.path, *([request.adapter] if request.adapter else []))
    source = _opened(located)
    with closing(source.checkpoint):
        if request.output.exists():
            _check_apart(request)
        if request.adapter is not None:
            from .adapter import adapted

            source = adapted(source, request.adapter)
        return _write(request, source, files, progress, started)


def open_source(source: str, revision: str | None) -> Source:
    """Open a folder, a GGUF file or a hub id. Raises ConvertError when it is none of them."""
    return _opened(_located(source, revision))


def _located(source: str, revision: str | None) -> _Located:
    path = Path(source)
    if path.exists() and revision is not None:
        raise ConvertError(f"--revision {revision} goes with a hub id; {source} is on this machine")
    if path.is_file() and path.suffix != ".gguf":
        raise ConvertError(f"{source} is no GGUF file; give a .gguf file, a Hugging Face folder or a hub id")
    if path.is_dir() or path.is_file():
        return _Located(path)
    if not HUB_ID.fullmatch(source) or source.endswith(".gguf"):
        raise ConvertError(f"there is no file or folder {source}, and it is no hub id (org/name)")
    folder, commit = fetch(source, revision)
    return _Located(folder, source, commit)


def _opened(located: _Located) -> Source:
    if located.path.is_file():
        return open_gguf(located.path)
    return open_folder(located.path, label=located.label, revision=located.commit)


def _write(
    request: Request, source: Source, files: SourceFiles, progress: Progress, started: float
) -> Report:
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
    observer = _observer(request)

    def fill(made: Mapping[str, Made]) -> Specification:
        return fill_specification(
            plan,
            source.checkpoint,
            request.precision,
            vocabulary,
            tokenizer.special,
            progress.advance,
            made,
            observer,
        )

    filled = None if request.calibrate else fill({})
    needed = filled.weight_bytes if filled else calibrated_bytes(source)
    check_space(request.output, needed + SPACE_MARGIN_BYTES)
    calibrated = Calibrated()
    with new_folder(request.output.resolve(), force=request.force) as folder:
        with files.unchanged(), TemporaryDirectory(dir=folder) as matrices:
            if request.calibrate:
                progress.begin(weight_count(source))
                weight_range = request.precision.weight_range
                calibrated = calibrate(
                    source, request.calibrate, weight_range, Path(matrices), progress.advance, observer
                )
            filled = filled or fill(calibrated.made)
            progress.begin(filled.weight_bytes)
            model = write_model(filled, folder)
        (folder / "tokenizer.json").write_text(tokenizer.json_text, encoding="utf-8")
        others = {path.name: file_record(path) for path in sorted(folder.iterdir()) if path.name != MODEL}
        records = {**others, MODEL: model}
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
            adapter=file_name(request.adapter.resolve()) if request.adapter else None,
            adapter_sha256=_adapter_sha256(request),
            calibration=calibrated.record or None,
            files=dict(sorted(records.items())),
            conversion=Conversion(
                versions={tool: version(tool) for tool in TOOLS},
                seconds=round(time.monotonic() - started, 2),
                peak_rss_bytes=peak_rss_bytes(),
            ),
        )
        (folder / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
    size_bytes = sum(record.bytes for record in records.values())
    if observer is None or request.report is None:
        return Report(manifest, size_bytes)
    try:
        observer.write(request.report)
    except OSError as error:
        raise ConvertError(
            f"{request.output} is whole, but {request.report} cannot be written: {error.strerror}"
        ) from None
    return Report(manifest, size_bytes, observer.table())


def _check_report(request: Request) -> None:
    """Raises ConvertError for a report that could not be written, or would have nothing in it."""
    if request.report is None:
        return
    if not request.precision.weight_range:
        raise ConvertError("--report shows what int8 does to the weights; choose an int8 quantization")
    check_file_target(request.report)


def _observer(request: Request) -> "QuantizationReport | None":
    if request.report is None:
        return None
    from .report import QuantizationReport

    return QuantizationReport()


def _adapter_sha256(request: Request) -> str | None:
    if request.adapter is None:
        return None
    from .adapter import weights_sha256

    return weights_sha256(request.adapter)


def _check_apart(request: Request) -> None:
    """Raises ConvertError when replacing the old folder would take what the conversion reads or writes."""
    texts = request.calibrate.texts if request.calibrate else ()
    for path in (Path(request.source), request.adapter, request.report, *texts):
        if path is not None and path.resolve().is_relative_to(request.output.resolve()):
            raise ConvertError(f"{request.output} holds {path}; choose another folder")
