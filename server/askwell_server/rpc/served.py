"""The one model that is served: what every RPC needs to know about it, and how it gives way to another.

A call takes a lease and asks only that model, from its first token to its last::

    with serving.lease() as served:
        rows = await rows_from_pb(request, served, deadline_s)
        with held(served.engine.submit(rows)) as streams: ...

So a swap (``askwell_server.swap``) disturbs no call: later ones get the new model, and the old one is closed
when nobody holds it any more.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
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
    """The engine, and what it says about itself; ``load`` walks over the queue, the rest is at hand."""

    @property
    def facts(self) -> Facts: ...

    @property
    def ready(self) -> bool:
        """Whether rows are taken."""
        ...

    @property
    def queue_limit(self) -> int:
        """Rows that may wait."""
        ...


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


@dataclass(slots=True)
class Tenure:
    """A model for as long as calls may hold it."""

    served: Served
    leases: int = 0
    free: asyncio.Event = field(default_factory=asyncio.Event)

    async def emptied(self, timeout_s: float) -> int:
        """Wait until no call holds it, once new calls get another. Returns how many still do by then."""
        if self.leases:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.free.wait(), timeout_s)
        return self.leases


class Serving:
    """Which model new calls get, and how many calls hold each."""

    def __init__(self, served: Served) -> None:
        self._now = Tenure(served)

    @property
    def served(self) -> Served:
        return self._now.served

    @contextmanager
    def lease(self) -> Iterator[Served]:
        """The present model, for the length of a call: it stays alive for as long."""
        tenure = self._now
        tenure.leases += 1
        tenure.free.clear()
        try:
            yield tenure.served
        finally:
            tenure.leases -= 1
            if not tenure.leases:
                tenure.free.set()

    def flip(self, served: Served) -> Tenure:
        """Give new calls another model from now on. Returns what calls under way hold of the old one."""
        old, self._now = self._now, Tenure(served)
        return old
