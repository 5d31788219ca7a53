"""The one model that is served: what every RPC needs to know about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from askwell_manifest import Manifest

from ..engine.protocol import Engine
from ..errors import ModelNotFound
from .chat import ChatTemplate


class Tokenizer(Protocol):
    """Text to token ids and back, as the model was trained on them."""

    def encode(self, text: str, *, specials: bool) -> tuple[int, ...]:
        """Token ids. With ``specials``, spelled-out special tokens become those tokens."""
        ...

    def defuse(self, text: str) -> str:
        """The text, spelling no special token any more."""
        ...

    def tokens(self, ids: Sequence[int]) -> tuple[str, ...]: ...


class Facts(Protocol):
    """What the engine found out when it started."""

    @property
    def compute_type(self) -> str: ...

    @property
    def devices(self) -> Sequence[str]: ...


class ServedEngine(Engine, Protocol):
    """The engine, and what it says about itself."""

    @property
    def facts(self) -> Facts: ...


@dataclass(frozen=True, slots=True)
class Served:
    """A model under its name. ``chat`` is None for a model that only continues text."""

    name: str
    manifest: Manifest
    tokenizer: Tokenizer
    chat: ChatTemplate | None
    engine: ServedEngine

    def answer_to(self, name: str) -> None:
        """Raises ModelNotFound unless ``name`` is empty or the served one."""
        if name not in ("", self.name):
            raise ModelNotFound(f"no model {name[:100]!r} here; this server serves {self.name!r}")
