"""What of a model a training run changes, and what it leaves of that."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from .base_model import Base
from .config import Config
from .data_set import EncodedSplit
from .lora import add_adapter, save_adapter
from .tokens import ExampleEncoder


class Learner(Protocol):
    """``folder``: the name of what a run leaves of it."""

    @property
    def folder(self) -> str: ...

    def wrap(self, model: Any, base: Base, config: Config) -> Any:
        """A module with ``get_base_model`` whose parameters are trained where they require a gradient."""

    def save(self, folder: Path, wrapped: Any, weights: Mapping[str, Any]) -> None:
        """``weights``: all trained tensors by their names in ``wrapped``."""

    def more(self, encoder: ExampleEncoder) -> Sequence[EncodedSplit]:
        """What is learnt from beside the data set's training examples."""


class AdapterLearner:
    """The base stays as it is, and a LoRA adapter learns."""

    folder = "adapter"

    def __init__(self) -> None:
        self._stored = "float32"

    def wrap(self, model: Any, base: Base, config: Config) -> Any:
        self._stored = config.adapter.stored
        return add_adapter(model, base, config.adapter, config.seed)

    def save(self, folder: Path, wrapped: Any, weights: Mapping[str, Any]) -> None:
        save_adapter(folder, wrapped, weights, self._stored)

    def more(self, encoder: ExampleEncoder) -> Sequence[EncodedSplit]:
        return ()
