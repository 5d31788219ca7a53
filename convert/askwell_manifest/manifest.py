"""Reading and writing ``askwell.json``."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

from .certificate import Certificate

MANIFEST_NAME = "askwell.json"
FORMAT = 1
ENCODERS = frozenset({"bert"})  # architectures that give vectors, and generate nothing
BLOCK_BYTES = 2**20

PromptStyle = Literal["base", "chat"]


class ManifestError(ValueError):
    """A model folder that cannot be believed. The message is one line for a person."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How the conversion went: tool versions, seconds, and the process's peak resident bytes."""

    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    peak_rss_bytes: int = 0


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What a file was when it was written. The size is checked at every load, the hash where it matters."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model folder holds.

    ``weight_range`` is the largest magnitude of an int8 weight: 127, 63 for CPUs without VNNI, 0 when
    the weights are not quantized. ``files`` holds each other file of the folder by name.
    ``end_tokens`` and ``add_bos`` are token spellings as in vocabulary.json. ``positions`` bounds
    prompt plus new tokens. ``adapter`` is the name of the folder whose deltas were merged, ``adapter_sha256``
    of its weights file; ``calibration`` tells how int8 was fitted to what the model computes.
    """

    name: str
    source: str
    architecture: str
    positions: int
    vocabulary_size: int
    quantization: str
    weight_range: int
    prompt_style: PromptStyle
    end_tokens: tuple[str, ...]
    bos_token: str | None = None
    add_bos: bool = False
    chat_template: str | None = None
    revision: str | None = None
    files: Mapping[str, FileRecord] = field(default_factory=dict)
    conversion: Conversion = field(default_factory=Conversion)
    adapter: str | None = None
    adapter_sha256: str | None = None
    calibration: Mapping[str, Any] | None = None
    certificate: Certificate | None = None

    @property
    def encodes(self) -> bool:
        """Whether it is an encoder: a model that turns texts into vectors, and generates nothing."""
        return self.architecture in ENCODERS

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ManifestError for anything that is not a manifest of a known format."""
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ManifestError(f"{MANIFEST_NAME} is not JSON: {error}") from None
        if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
            raise ManifestError(f"{MANIFEST_NAME} is not of format {FORMAT}; convert the model again")
        known = {f.name for f in fields(cls)}
        if unknown := data.keys() - known:
            raise ManifestError(f"{MANIFEST_NAME} has unknown fields: {', '.join(sorted(unknown))}")
        try:
            data["end_tokens"] = tuple(data["end_tokens"])
            data["files"] = {name: FileRecord(**record) for name, record in data.get("files", {}).items()}
            data["conversion"] = Conversion(**data.get("conversion", {}))
            if data.get("certificate") is not None:
                data["certificate"] = Certificate.from_mapping(data["certificate"])
            manifest = cls(**data)
        except (AttributeError, KeyError, TypeError) as error:
            raise ManifestError(f"{MANIFEST_NAME} is incomplete: {error}") from None
        manifest._check()
        return manifest

    def _check(self) -> None:
        """Raises ManifestError for a value that a hand edit may have spoilt and the server relies on."""
        texts = (self.name, self.source, self.architecture, self.quantization, *self.end_tokens)
        counts = (self.positions, self.vocabulary_size, self.weight_range)
        if not all(isinstance(text, str) for text in texts):
            raise ManifestError(f"{MANIFEST_NAME}: names and tokens must be texts; convert the model again")
        if not all(isinstance(count, int) and count >= 0 for count in counts):
            raise ManifestError(f"{MANIFEST_NAME}: sizes must be whole numbers; convert the model again")
        if not isinstance(self.calibration, dict | None):
            raise ManifestError(f"{MANIFEST_NAME}: calibration must be an object; convert the model again")
        if self.prompt_style not in ("base", "chat"):
            raise ManifestError(f"{MANIFEST_NAME}: prompt_style must be base or chat")


def read_manifest(folder: Path) -> Manifest:
    """Read a model folder's manifest and check that the files it names are there, and whole by their size.

    Raises ManifestError when the folder is missing, half-written or not a model folder.
    """
    if not folder.is_dir():
        raise ManifestError(f"no model folder at {folder}; make one with: askwell-convert SOURCE {folder}")
    path = folder / MANIFEST_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ManifestError(
            f"{folder} has no {MANIFEST_NAME}; it is not a whole model folder; "
            f"make one with: askwell-convert SOURCE {folder}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"cannot read {path}: {error}") from None
    manifest = Manifest.from_json(text)
    for name, record in sorted(manifest.files.items()):
        try:
            size = (folder / name).stat().st_size
        except OSError:
            raise ManifestError(f"{folder} lacks {name}; convert the model again") from None
        if size != record.bytes:
            raise ManifestError(
                f"{folder / name} has {size:,} bytes, {record.bytes:,} were written; convert the model again"
            )
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put the manifest in place of the one that is there: whole or not at all."""
    path = folder / MANIFEST_NAME
    beside = path.with_name(f".{MANIFEST_NAME}.part")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(manifest.to_json())
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def verify_files(folder: Path, manifest: Manifest, given_up: Callable[[], bool] = lambda: False) -> None:
    """Read every file that the manifest names, and compare its sha256 with what was written.

    Takes as long as reading them: seconds for each gigabyte. Raises ManifestError for the first that differs,
    and soon after ``given_up`` has begun to say so.
    """
    for name, record in sorted(manifest.files.items()):
        try:
            found = file_record(folder / name, given_up)
        except OSError as error:
            raise ManifestError(f"cannot read {folder / name}: {error.strerror}") from None
        if found != record:
            raise ManifestError(
                f"{folder / name} is not what was written: its sha256 differs; convert the model again"
            )


def file_record(path: Path, given_up: Callable[[], bool] = lambda: False) -> FileRecord:
    """The file's size and its sha256, read once, block by block. Raises ManifestError once ``given_up``."""
    digest, block = hashlib.sha256(), memoryview(bytearray(BLOCK_BYTES))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            if given_up():
                raise ManifestError(f"{path} was not read to its end")
            digest.update(block[:count])
        return FileRecord(digest.hexdigest(), path.stat().st_size)
