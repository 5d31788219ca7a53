"""The flow of a certificate: the model and its unquantized self, over the same tokens.

The reference is computed by a float32 conversion of the source beside the model where memory and disk have
room for one, and layer by layer from the source itself where they have not.
"""

import hashlib
import json
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal, Protocol

from askwell_manifest import (
    MANIFEST_NAME,
    Certificate,
    Manifest,
    int8_saturates,
    read_manifest,
    verify_files,
    write_manifest,
)
from tokenizers import Tokenizer

from .certificate import Divergence
from .checkpoint import FloatRows
from .convert import Progress, Request, convert, open_source
from .errors import ConvertError
from .forward import streamed_logits
from .generator import Device, Generator
from .plan import check_tensors
from .room import LOADING_SHARE, free_disk_bytes, free_memory_bytes
from .scratch import scratch_folder
from .source import Source
from .specification import Precision
from .tokenizer import model_vocabulary, parse_tokenizer

Method = Literal["float32 conversion", "layer by layer"]
WINDOW = 512
FEWEST_TOKENS = 1000  # eight blocks: of fewer, resampling knows too little of how they differ
FLOAT32_BYTES = 4
DISK_SHARE = 1.1
LOGITS_BYTES = 2_000_000_000  # of both models, and what comparing them takes


class Watch(Protocol):
    """Follows what takes long, by how much is done and how much there is of it."""

    def layers(self, done: int, total: int) -> None: ...

    def tokens(self, done: int, total: int) -> None: ...


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CertifyRequest:
    """What to certify against what, on which text; see the command's help for the meaning of each."""

    folder: Path
    reference: str
    texts: tuple[Path, ...]
    revision: str | None = None
    adapter: Path | None = None
    device: Device = "cpu"


@dataclass(frozen=True, slots=True)
class Windows:
    """A text in windows of tokens, and the sha256 of its files, one after the other."""

    ids: list[list[int]]
    length: int
    sha256: str

    @property
    def tokens(self) -> int:
        return sum(map(len, self.ids))


@dataclass(frozen=True, slots=True)
class Reference:
    """``logits`` has [tokens, vocabulary] for each window; the rest is as certificates say it."""

    label: str
    method: Method
    logits: Iterator[FloatRows]


def certify(request: CertifyRequest, progress: Progress, watch: Watch) -> Certificate:
    """Compare, and write the certificate into the folder's manifest. Raises ConvertError, ManifestError."""
    manifest = read_manifest(request.folder)
    if "model.bin" not in manifest.files:
        raise ConvertError(f"{request.folder} names no model.bin in its manifest; convert the model again")
    verify_files(request.folder, manifest)  # the certificate names the hash of what is computed with here
    if manifest.encodes:
        raise ConvertError(f"{request.folder} holds an encoder; a certificate is for a model that generates")
    if manifest.adapter and request.adapter is None:
        log.warning("%s was merged into the model: the reference must hold it too", manifest.adapter)
    _check_same_adapter(request, manifest)
    windows = text_windows(request.folder, manifest, request.texts)
    with _reference(request, manifest, windows, progress, watch) as reference:
        model = Generator(request.folder, manifest, request.device)
        divergence, done = Divergence(), 0
        computed = model.logits(windows.ids, windows.length)
        for ids, expected, got in zip(windows.ids, reference.logits, computed, strict=True):
            try:
                divergence.add(expected[:-1], got[:-1], ids[1:])
            except ValueError as error:
                raise ConvertError(f"{request.folder} cannot be certified: {error}") from None
            done += len(ids)
            watch.tokens(done, windows.tokens)
    figures = divergence.figures()
    certificate = Certificate(
        perplexity_ratio=figures.perplexity_ratio.value,
        perplexity_ratio_interval=figures.perplexity_ratio.interval,
        mean_kl=figures.mean_kl.value,
        mean_kl_interval=figures.mean_kl.interval,
        same_top1=figures.same_top1.value,
        same_top1_interval=figures.same_top1.interval,
        same_top5=figures.same_top5.value,
        same_top5_interval=figures.same_top5.interval,
        largest_deviation=figures.largest_deviation,
        perplexity=figures.perplexity,
        perplexity_reference=figures.perplexity_reference,
        tokens=figures.tokens,
        windows=len(windows.ids),
        window_tokens=windows.length,
        device=request.device,
        compute_type=model.compute_type,
        instruction_set=model.instruction_set,
        saturates=request.device == "cpu" and int8_saturates(),
        model_sha256=manifest.files["model.bin"].sha256,
        text_sha256=windows.sha256,
        reference=reference.label,
        method=reference.method,
        engine=f"ctranslate2 {version('ctranslate2')}",
        date=datetime.now(UTC).date().isoformat(),
    )
    if read_manifest(request.folder) != manifest:
        raise ConvertError(f"{request.folder} changed meanwhile; certify it again")
    write_manifest(request.folder, replace(manifest, certificate=certificate))
    return certificate


def text_windows(folder: Path, manifest: Manifest, texts: Sequence[Path]) -> Windows:
    """The files' tokens in windows that fit the model, each begun as the model wants prompts to begin.

    Raises ConvertError for a file that is no UTF-8 text or that the model was calibrated with, and for texts
    too short for an interval to mean anything.
    """
    tokenizer = parse_tokenizer((folder / "tokenizer.json").read_text(encoding="utf-8"), "tokenizer.json")
    first = _first_tokens(tokenizer, manifest)
    length = min(WINDOW, manifest.positions)
    digest, ids = hashlib.sha256(), []
    for path in texts:
        data = path.read_bytes()
        digest.update(data)
        if hashlib.sha256(data).hexdigest() in _calibration_texts(manifest):
            raise ConvertError(f"the model was calibrated with {path}; certify it with another text")
        try:
            found = tokenizer.encode(data.decode(), add_special_tokens=False).ids
        except UnicodeDecodeError:
            raise ConvertError(f"{path} is no UTF-8 text; certify with plain text files") from None
        step = max(1, length - len(first))
        ids += [first + found[start : start + step] for start in range(0, len(found), step)]
    windows = Windows([window for window in ids if len(window) > 1], length, digest.hexdigest())
    if windows.tokens < FEWEST_TOKENS:
        raise ConvertError(
            f"the texts are too short: {windows.tokens} tokens; {FEWEST_TOKENS:,} are needed at least"
        )
    return windows


def _calibration_texts(manifest: Manifest) -> list[object]:
    """The sha256 of each; on those the figures would be too good."""
    found = (manifest.calibration or {}).get("text_sha256")
    return found if isinstance(found, list) else []


def _first_tokens(tokenizer: Tokenizer, manifest: Manifest) -> list[int]:
    if not manifest.add_bos or manifest.bos_token is None:
        return []
    found = tokenizer.token_to_id(manifest.bos_token)
    return [] if found is None else [found]


@contextmanager
def _reference(
    request: CertifyRequest, manifest: Manifest, windows: Windows, progress: Progress, watch: Watch
) -> Iterator[Reference]:
    given = Path(request.reference)
    if (given / MANIFEST_NAME).is_file():
        if request.adapter or request.revision:
            raise ConvertError(f"{given} is a model folder: --adapter and --revision go with a source")
        yield _converted(given, request, windows)
        return
    with ExitStack() as stack:
        source = _opened(request)
        stack.callback(source.checkpoint.close)
        check_tensors(source.plan, source.checkpoint)
        _check_same_vocabulary(_source_vocabulary(source), request)
        if _has_room(request.folder, source):
            folder = stack.enter_context(scratch_folder(request.folder.resolve())) / "reference"
            convert(
                Request(
                    request.reference,
                    folder,
                    Precision("float32", 0),
                    revision=source.revision,
                    prompt_style=manifest.prompt_style,
                    adapter=request.adapter,
                ),
                progress,
            )
            yield _converted(folder, request, windows)
        else:
            logits = streamed_logits(source, windows.ids, watch.layers)
            yield Reference(source.label, "layer by layer", logits)


def _check_same_adapter(request: CertifyRequest, manifest: Manifest) -> None:
    """Raises ConvertError: beside another tune, every difference would be put down to int8."""
    if request.adapter is None or manifest.adapter_sha256 is None or not request.adapter.is_dir():
        return
    from .adapter import weights_sha256

    if weights_sha256(request.adapter) != manifest.adapter_sha256:
        raise ConvertError(
            f"{request.adapter} does not hold the weights that were merged into {request.folder}; "
            "certify with the adapter that was, or convert again"
        )


def _opened(request: CertifyRequest) -> Source:
    source = open_source(request.reference, request.revision)
    if request.adapter is None:
        return source
    from .adapter import adapted

    return adapted(source, request.adapter)


def _converted(folder: Path, request: CertifyRequest, windows: Windows) -> Reference:
    """Raises ConvertError when the folder holds quantized weights, or another model's."""
    manifest = read_manifest(folder)
    if manifest.quantization != "float32":
        raise ConvertError(
            f"{folder} holds {manifest.quantization} weights; give the source, or its float32 conversion"
        )
    _check_same_vocabulary(_vocabulary(folder), request)
    generator = Generator(folder, manifest, request.device, "float32")
    return Reference(manifest.source, "float32 conversion", generator.logits(windows.ids, windows.length))


def _check_same_vocabulary(vocabulary: list[str], request: CertifyRequest) -> None:
    if vocabulary != _vocabulary(request.folder):
        raise ConvertError(f"{request.reference} is another model than {request.folder}: its tokens differ")


def _vocabulary(folder: Path) -> list[str]:
    try:
        tokens: list[str] = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    except ValueError:
        raise ConvertError(f"{folder / 'vocabulary.json'} is no JSON; convert the model again") from None
    return tokens


def _source_vocabulary(source: Source) -> list[str]:
    plan, label = source.plan, source.label
    tokenizer = parse_tokenizer(source.tokenizer.json_text, label)
    return model_vocabulary(tokenizer, plan.vocabulary_size, plan.padding_token, label)


def _has_room(folder: Path, source: Source) -> bool:
    """Whether a float32 conversion fits on the disk, and into memory beside the model."""
    values = sum(math.prod(part.shape) for parts in source.plan.weights.values() for part in parts)
    converted = values * FLOAT32_BYTES
    model = (folder / "model.bin").stat().st_size
    memory = free_memory_bytes()
    return (
        memory is not None
        and memory > (converted + model) * LOADING_SHARE + LOGITS_BYTES
        and free_disk_bytes(folder) > converted * DISK_SHARE
    )
