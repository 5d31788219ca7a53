"""Another model in the place of the one that serves, without a call noticing (SIGHUP).

    opened     the folder is named anew and read; its hashes are compared with its manifest's
    started    a second engine loads beside the first, if there is memory for it, and generates a few tokens
    flipped    new calls get the new model; calls under way keep the one they began with
    closed     nobody holds the old model any more: its engine ends

Whatever goes wrong before the flip changes nothing, and one line in the log says what it was.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event

from askwell_manifest import ManifestError, verify_files

from .config import ConfigError
from .engine.folder import ModelRefused
from .engine.row import Finish, Options, Row
from .engine.statistics import Statistics
from .errors import AskwellError
from .model import Model, StartError
from .room import NoRoom, check_room
from .rpc.served import Serving, Tenure

log = logging.getLogger(__name__)

TRIAL_TEXT = "The candidate"
TRIAL_TOKENS = 4
TRIAL_S = 120.0
REFUSALS = (ConfigError, ManifestError, ModelRefused, StartError, NoRoom, AskwellError, TimeoutError, OSError)


class Swap:
    """The models there are: the one that serves, and during a swap another beside it.

    ``reopened`` opens the folder that is to serve next. ``changed`` is called whenever readiness may have
    changed, ``announce`` gets one line for a person. A call that still holds the old model after ``hold_s``
    seconds loses it.
    """

    def __init__(
        self,
        model: Model,
        reopened: Callable[[], Model],
        changed: Callable[[], None],
        announce: Callable[[str], None],
        hold_s: float,
    ) -> None:
        self.serving = Serving(model.served)
        self._model = model
        self._alive = [model]
        self._gone = Statistics()
        self._reopened = reopened
        self._changed = changed
        self._announce = announce
        self._hold_s = hold_s
        self._asked = asyncio.Event()
        self._busy = False
        model.engine.on_change(changed)

    @property
    def model(self) -> Model:
        """The one that new calls get."""
        return self._model

    @property
    def alive(self) -> Sequence[Model]:
        """All whose engines run."""
        return self._alive

    @property
    def statistics(self) -> Statistics:
        """What all engines have done since the server started."""
        return sum((model.engine.statistics for model in self._alive), self._gone)

    def ask(self) -> None:
        """Swap as soon as the model has loaded and no other swap is under way; asking twice asks once."""
        if self._busy:
            log.info("a swap is under way; the model is opened again after it")
        self._asked.set()

    async def run(self) -> None:
        """Swap whenever asked, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            self._busy = True
            try:
                new = await self._tried()
            except REFUSALS as error:
                told = str(error) or "it took too long"
                log.error("the model is not swapped, %s serves on: %s", self._model.folder, told)
            except Exception:
                log.exception("the model is not swapped, %s serves on", self._model.folder)
            else:
                await self._retire(*self._flip(new))
            finally:
                self._busy = False

    async def close(self) -> None:
        """End every engine."""
        await asyncio.gather(*(model.engine.close() for model in self._alive))

    async def _tried(self) -> Model:
        """The new model, loaded and found to generate."""
        new = await asyncio.to_thread(self._reopened)
        log.info("swapping %s for %s", self._model.folder, new.folder)
        await _verify(new)
        await asyncio.to_thread(check_room, new, self._model.engine.facts.devices)
        self._alive.append(new)
        try:
            await new.engine.start()
            async with asyncio.timeout(TRIAL_S):
                await _try(new)
        except BaseException:
            await self._end(new)
            raise
        return new

    def _flip(self, new: Model) -> tuple[Model, Tenure]:
        """The new model serves from here on. Nothing waits in here, so nobody sees half of it."""
        old, self._model = self._model, new
        tenure = self.serving.flip(new.served)
        new.engine.on_change(self._changed)
        self._changed()
        with suppress(OSError):  # nobody may be there to read it
            self._announce(f"askwell-server: now serving {new.served.name} from {new.folder}")
        return old, tenure

    async def _retire(self, old: Model, tenure: Tenure) -> None:
        """End the old model's engine once no call holds it."""
        if left := await tenure.emptied(self._hold_s):
            log.warning("%d calls still held the old model after %g s", left, self._hold_s)
        try:
            await self._end(old)
            log.info("%s is closed", old.folder)
        except Exception:
            log.exception("%s serves no more, but its engine did not end", old.folder)

    async def _end(self, model: Model) -> None:
        """What it has done stays in ``statistics``: counters never go back."""
        await model.engine.close()
        self._alive.remove(model)
        self._gone += model.engine.statistics


async def _verify(model: Model) -> None:
    """Hash the files, in a thread that ends with whoever waits for it: a server that stops is not late."""
    given_up = Event()
    try:
        await asyncio.to_thread(verify_files, model.folder, model.served.manifest, given_up.is_set)
    finally:
        given_up.set()


async def _try(model: Model) -> None:
    """Generate a few tokens. Raises AskwellError, or ModelRefused when there come none."""
    row = Row(
        prompt=model.served.tokenizer.encode(TRIAL_TEXT, specials=False),
        options=Options(temperature=0.0, top_k=1, top_p=1.0),
        max_new_tokens=TRIAL_TOKENS,
        min_new_tokens=TRIAL_TOKENS,
    )
    (stream,) = model.engine.submit([row])
    async for event in stream:
        if isinstance(event, Finish) and not event.usage.new_tokens:
            raise ModelRefused(f"{model.folder} generates no text")
