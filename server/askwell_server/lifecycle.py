"""A server's life: bind, load, serve, drain, stop. The health service tells which.

    bound      NOT_SERVING    calls are refused with UNAVAILABLE until the engine is ready
    loaded     SERVING        NOT_SERVING again for as long as the engine is being restarted
    signalled  NOT_SERVING    new calls are refused, admitted ones get ``drain_s`` seconds
    stopped    exit code 0

A second signal ends the process at once; its children die with it. SIGHUP opens the model folder anew (see
``swap``) and the encoder's where it is another (``encoder_swap``), unless it tells that the server's terminal
is gone: then it is a signal to stop.
"""

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from .child import ChildExited
from .config import ServerConfig
from .domain.pool import DomainPool
from .encoder_swap import EncoderSwap
from .metrics import Exporter, Metrics, Reading
from .model import Model, StartError
from .rpc.assembly import Health, assembled
from .rpc.gate import Gate
from .swap import Swap

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)
# After the drain: the last answers leave, calls that overstayed and health watchers are cut.
FLUSH_S = 1.0


class Lifecycle:
    """Runs once. ``reopened`` opens the model that SIGHUP asks for, ``encoder`` tells the encoder's folder
    that the settings name by then; ``announce`` is told, in one line, when the server serves, and what."""

    def __init__(
        self,
        config: ServerConfig,
        model: Model,
        reopened: Callable[[], Model],
        encoder: Callable[[], Path | None],
        metrics: Metrics,
        announce: Callable[[str], None],
    ) -> None:
        self._config = config
        self._announce = announce
        self._metrics = metrics
        self._exporter: Exporter | None = None
        self._pool = DomainPool(config.domain_workers, config.encoder)
        self._gate = Gate()
        self._health = Health()
        self._signalled = asyncio.Event()
        self._changed = asyncio.Event()
        self._swap = Swap(model, reopened, self._changed.set, announce, hold_s=config.max_request_s)
        self._encoder_swap = EncoderSwap(self._pool, encoder, announce)
        serving = self._swap.serving
        self._server = assembled(serving, self._pool, self._gate, self._health, metrics.call_ended)
        self._terminal = _terminal()

    async def run(self) -> None:
        """Serve until a signal comes.

        Raises StartError or EncoderRefused when the address, the model or the encoder cannot be used.
        """
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._on_signal, number)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)
        await self._health.set(False)
        port = self._bind()
        self._exporter = self._export() if self._config.metrics_port else None
        await self._server.start()
        stopping = asyncio.create_task(self._signalled.wait())
        loading = asyncio.create_task(self._load())
        swapping: list[asyncio.Task[None]] = []
        try:
            await asyncio.wait({stopping, loading}, return_when=asyncio.FIRST_COMPLETED)
            if loading.done():
                loading.result()
                self._gate.open()
                await self._health.set(self._swap.model.engine.ready)
                self._tell(port)
                swapping = [asyncio.create_task(swap.run()) for swap in (self._swap, self._encoder_swap)]
                await self._keep_health(stopping)
        finally:
            await self._stop([stopping, loading, *swapping])

    def _bind(self) -> int:
        """The port. Tried with a plain socket first, whose errors say what is wrong."""
        host, port = self._config.host, self._config.port
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            _probe(host, port)
            return self._server.add_insecure_port(address)
        except (OSError, RuntimeError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            told = f"cannot listen on {address}: {reason}; choose another --host or --port"
            raise StartError(told) from None

    def _export(self) -> Exporter:
        host, port = self._config.host, self._config.metrics_port
        try:
            return Exporter(host, port, self._metrics, self._reading)
        except OSError as error:
            told = f"cannot listen on {host}:{port} for metrics: {error.strerror or error}"
            raise StartError(f"{told}; choose another --metrics-port") from None

    def _reading(self) -> Reading:
        model = self._swap.model
        load = model.engine.load()
        beside = [other.engine.load() for other in self._swap.alive if other is not model]
        load = replace(
            load,
            queued_rows=load.queued_rows + sum(other.queued_rows for other in beside),
            running_rows=load.running_rows + sum(other.running_rows for other in beside),
        )
        return Reading(model.served.name, load, self._swap.statistics)

    async def _load(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._swap.model.engine.start())
                group.create_task(self._start_pool())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _start_pool(self) -> None:
        try:
            await self._pool.start()
        except (ChildExited, TimeoutError, OSError) as error:
            told = str(error) or "it took too long"
            raise StartError(f"a document worker does not start: {told}") from None

    def _tell(self, port: int) -> None:
        name, facts = self._swap.model.served.name, self._swap.model.engine.facts
        where = f"{','.join(facts.devices)}, {facts.compute_type}"
        self._announce(f"askwell-server: serving {name} on {self._config.host}:{port} ({where})")

    async def _keep_health(self, stopping: asyncio.Task[bool]) -> None:
        """Show what the engine is, until it is time to stop."""
        while not stopping.done():
            self._changed.clear()
            await self._health.set(self._swap.model.engine.ready)
            changed = asyncio.create_task(self._changed.wait())
            await asyncio.wait({changed, stopping}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()

    async def _stop(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        """Let nobody in first: ending a load or a swap may take a while."""
        await self._health.close()
        self._gate.close()
        for task in tasks:
            task.cancel()
        drained = await self._gate.emptied(self._config.drain_s)
        await asyncio.gather(*tasks, return_exceptions=True)
        if not drained:
            log.warning("%d calls did not finish within %g s", self._gate.inside, self._config.drain_s)
            await self._swap.close()  # their rows end with UNAVAILABLE
            await self._gate.emptied(FLUSH_S)
        await self._server.stop(FLUSH_S)
        await asyncio.gather(self._pool.close(), self._swap.close())
        if self._exporter is not None:
            await self._exporter.close()

    def _on_signal(self, number: int) -> None:
        if self._signalled.is_set():
            os._exit(128 + number)
        self._signalled.set()
        with suppress(OSError):  # the terminal may be gone
            print("askwell-server: finishing admitted requests; signal again to stop now", file=sys.stderr)

    def _on_hangup(self) -> None:
        if self._terminal and not _terminal():
            self._on_signal(signal.SIGHUP)
        else:
            self._swap.ask()
            self._encoder_swap.ask()


def _terminal() -> bool:
    """Whether a person's terminal feeds this process; not any more once it is closed."""
    try:
        return os.isatty(0)
    except OSError:
        return False


def _probe(host: str, port: int) -> None:
    """Raises OSError unless the port is free at every address of the host that this machine has.

    gRPC is content when one of several can be bound: a second server on ``localhost`` would get the IPv6
    address and share the name with the first.
    """
    bound, refusal = False, OSError("it has no address")
    for family, kind, protocol, _, name in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    ):
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(name)
                bound = True
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise
            refusal = error
    if not bound:
        raise refusal
