"""A fake engine with a life of its own, and a model around it, for tests of what starts and closes them."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from askwell_manifest import Manifest
from askwell_server.engine.row import Row
from askwell_server.engine.statistics import Statistics
from askwell_server.model import Model
from fake_engine import MANIFEST, FakeEngine, Script, served_by


class LivingEngine(FakeEngine):
    """A fake that loads when told, and can fall over."""

    def __init__(
        self, script: Callable[[Row], Script] = lambda row: Script(), refusal: Exception | None = None
    ) -> None:
        super().__init__(script, ready=False)
        self.may_load, self.closed, self.refusal = asyncio.Event(), 0, refusal
        self.tell: Callable[[], None] = lambda: None
        self.statistics = Statistics()

    def on_change(self, callback: Callable[[], None]) -> None:
        self.tell = callback

    async def start(self) -> None:
        await self.may_load.wait()
        if self.refusal:
            raise self.refusal
        self.become(True)

    def become(self, ready: bool) -> None:
        self.ready = ready
        self.tell()

    async def close(self) -> None:
        self.closed += 1
        for stream in self.streams:
            if stream.script.held:
                stream.script.held.set()


def model_of(engine: LivingEngine, folder: Path = Path("m"), manifest: Manifest = MANIFEST) -> Model:
    return Model(folder, served_by(engine, manifest), engine, ("auto",), "auto")
