"""Another sentence encoder in the place of the one that the domain workers have (SIGHUP).

Where the settings name another folder, or their symbolic link points to another, its hashes are compared with
its manifest's, and the workers are replaced one after the other. Whatever goes wrong before the first new one
stands changes nothing, and one line in the log says what it was.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event

from askwell_manifest import ManifestError, verify_files

from .child import ChildExited
from .config import ConfigError
from .domain.encoder_folder import EncoderRefused, encoder_manifest
from .domain.pool import DomainPool

log = logging.getLogger(__name__)

REFUSALS = (ConfigError, ManifestError, EncoderRefused, ChildExited, TimeoutError, OSError)


class EncoderSwap:
    """``reread`` tells the folder that the settings name by now; ``announce`` gets one line for a person."""

    def __init__(
        self, pool: DomainPool, reread: Callable[[], Path | None], announce: Callable[[str], None]
    ) -> None:
        self._pool = pool
        self._reread = reread
        self._announce = announce
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Look whether there is another encoder as soon as no other swap is under way."""
        self._asked.set()

    async def run(self) -> None:
        """Swap whenever asked and needed, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self._swap()
            except REFUSALS as error:
                told = str(error) or "it took too long"
                log.error("the encoder is not swapped, %s serves on: %s", self._pool.encoder or "none", told)
            except Exception:
                log.exception("the encoder is not swapped, %s serves on", self._pool.encoder or "none")

    async def _swap(self) -> None:
        folder = await asyncio.to_thread(self._named)
        if folder == self._pool.encoder:
            return
        if folder is not None:
            await _verify(folder)
        await self._pool.change_encoder(folder)
        with suppress(OSError):  # nobody may be there to read it
            self._announce(f"askwell-server: sentences are now encoded by {folder or 'nothing'}")

    def _named(self) -> Path | None:
        encoder = self._reread()
        return Path(os.path.realpath(encoder)) if encoder else None


async def _verify(folder: Path) -> None:
    """Hash the files, in a thread that ends with whoever waits for it."""
    manifest = await asyncio.to_thread(encoder_manifest, folder)
    given_up = Event()
    try:
        await asyncio.to_thread(verify_files, folder, manifest, given_up.is_set)
    finally:
        given_up.set()
