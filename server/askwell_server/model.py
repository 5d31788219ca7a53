"""A model folder, opened: what the RPCs need to know of it, and the engine that will run it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from askwell_manifest import Manifest, Thresholds, read_manifest

from .config import ServerConfig
from .engine.config import EngineConfig
from .engine.cost import read_cost_model
from .engine.live import LiveEngine
from .engine.row import Finish
from .engine.statistics import Statistics
from .engine.tokenizer import Tokenizer
from .rpc.chat import ChatTemplate
from .rpc.observed import ObservedEngine
from .rpc.served import Served, ServedEngine


class StartError(RuntimeError):
    """The server cannot start, or a model cannot. The message is one line for a person."""


class RunningEngine(ServedEngine, Protocol):
    """The engine as something with a life of its own."""

    @property
    def statistics(self) -> Statistics:
        """What it has done since it started."""
        ...

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call back whenever ``ready`` may have changed."""
        ...

    async def start(self) -> None:
        """Load the model. Raises ModelRefused for one that cannot be served."""
        ...

    async def close(self) -> None:
        """End whatever runs. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Model:
    """``folder`` has no symbolic link in it: it stays the same folder, whatever is put in its place.

    ``devices`` and ``compute_type`` are what the settings ask for, "auto" included; the engine's facts tell
    what became of them.
    """

    folder: Path
    served: Served
    engine: RunningEngine
    devices: tuple[str, ...]
    compute_type: str


def open_model(config: ServerConfig, row_ended: Callable[[Finish], None]) -> Model:
    """Read the folder. ``row_ended`` is told of every row that a caller saw end.

    Raises StartError, ManifestError or ModelRefused, with one line for a person.
    """
    # A process that dies loads its weights again: they must be those that this manifest describes.
    folder = Path(os.path.realpath(config.model))
    try:
        manifest = read_manifest(folder)
    except OSError as error:
        raise StartError(f"cannot read the model folder: {error.strerror}") from None
    if manifest.encodes:
        raise StartError(
            f"{config.model} holds a sentence encoder, which generates nothing; give it with --encoder, "
            "and a model that generates with --model"
        )
    engine = LiveEngine(_engine_config(config, folder))
    served = Served(
        name=config.name or manifest.name,
        manifest=manifest,
        tokenizer=Tokenizer.from_folder(folder, manifest),
        chat=chat_from_manifest(manifest),
        engine=ObservedEngine(engine, row_ended),
    )
    return Model(folder, served, engine, config.engine_devices, config.compute_type)


def _engine_config(config: ServerConfig, folder: Path) -> EngineConfig:
    try:
        cost_model = read_cost_model(config.cost_model) if config.cost_model else None
    except ValueError as error:
        raise StartError(str(error)) from None
    return EngineConfig(
        model_dir=folder,
        devices=config.engine_devices,
        compute_type=config.compute_type,
        intra_threads=config.intra_threads,
        inter_threads=config.inter_threads,
        queue_limit=config.queue_limit,
        max_batch_rows=config.max_batch_rows,
        max_batch_tokens=config.max_batch_tokens,
        max_batch_s=config.max_batch_s,
        max_request_s=config.max_request_s,
        policy=config.policy,
        prefixes=config.prefixes,
        prefix_budget_mb=config.prefix_budget_mb,
        coalesce_s=config.coalesce_ms / 1000,
        full_range_ok=config.allow_full_range,
        cost_model=cost_model,
        thresholds=_thresholds(config),
    )


def _thresholds(config: ServerConfig) -> Thresholds | None:
    if not config.require_certificate:
        return None
    return Thresholds(config.certificate_ratio, config.certificate_top1)


def chat_from_manifest(manifest: Manifest) -> ChatTemplate | None:
    """None for a model that only continues text. Raises StartError for a template that cannot be used."""
    if manifest.prompt_style != "chat":
        return None
    if not manifest.chat_template:
        raise StartError("the manifest says chat and has no chat_template; convert the model again")
    try:
        end_token = next(iter(manifest.end_tokens), None)  # without one the tokenizer is refused already
        return ChatTemplate(manifest.chat_template, bos_token=manifest.bos_token, eos_token=end_token)
    except ValueError as error:
        raise StartError(f"{error}; convert the model again") from None
