"""A Python process of ours on the other end of a pipe, for work that must not stall or kill the front.

The front spawns it and talks to it from asyncio, without threads::

    child = await Child.spawn("askwell_server.engine.process", ["--device", "cpu"], {"OMP_NUM_THREADS": "2"})
    child.send(Batch(...))            # any picklable object; never blocks
    try:
        while True:
            message = await child.recv()
    except ChildExited as exit:       # every message sent before its death has been received
        print(exit.code)

The module, run as ``python -m``, connects back and may block as it likes::

    connection = connect()            # multiprocessing.connection.Connection
    while (job := connection.recv()) is not None:
        connection.send(work(job))

A child outlives nobody: it ignores SIGINT and SIGTERM (the front drains and then ends it), and when the
front dies the kernel kills it (Linux), or else its next ``recv`` or ``send`` fails. Both ends trust each
other: messages are pickles on a private socket.
"""

import asyncio
import os
import pickle
import signal
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

_FD_VARIABLE = "ASKWELL_CHILD_FD"
# multiprocessing.connection's framing: length as signed 32 bits, or -1 and then 64 bits unsigned.
_SHORT, _LONG = struct.Struct("!i"), struct.Struct("!Q")
_SHORT_LIMIT = 0x7FFFFFFF
_EXIT_GRACE_S = 10.0
_PR_SET_PDEATHSIG = 1


class ChildExited(Exception):
    """The child is gone. ``code`` is its exit code, negative for a signal as in ``subprocess``."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the child process ended with code {code}")
        self.code = code


class _Frames(asyncio.Protocol):
    """Cuts the byte stream into messages."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[tuple[Any] | None] = asyncio.Queue()
        self._buffer = bytearray()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (frame := self._next_frame()) is not None:
            self.messages.put_nowait((pickle.loads(frame),))

    def connection_lost(self, exc: Exception | None) -> None:
        self.messages.put_nowait(None)

    def _next_frame(self) -> bytes | None:
        start, buffer = _SHORT.size, self._buffer
        if len(buffer) < start:
            return None
        (size,) = _SHORT.unpack_from(buffer)
        if size == -1:
            if len(buffer) < start + _LONG.size:
                return None
            (size,) = _LONG.unpack_from(buffer, start)
            start += _LONG.size
        if len(buffer) < start + size:
            return None
        frame = bytes(buffer[start : start + size])
        del buffer[: start + size]
        return frame


class Child:
    """The front's end of one child process."""

    def __init__(
        self, process: asyncio.subprocess.Process, transport: asyncio.WriteTransport, frames: _Frames
    ) -> None:
        self._process = process
        self._transport = transport
        self._frames = frames

    @classmethod
    async def spawn(
        cls, module: str, args: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> "Child":
        """Start ``python -m module args`` with ``env`` added to this process's environment.

        Returns at once: what the child says when it is ready is between it and its user. Call it from the
        thread that lives longest, since the kernel ends the child with the thread that spawned it.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", module, *args),
                    env={**os.environ, **(env or {}), _FD_VARIABLE: str(theirs.fileno())},
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        transport, frames = await asyncio.get_running_loop().create_unix_connection(_Frames, sock=ours)
        return cls(process, transport, frames)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: object) -> None:
        """Queue one message. One sent to a dead child is lost; ``recv`` tells of the death."""
        if self._transport.is_closing():
            return
        body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        size = len(body)
        header = _SHORT.pack(size) if size <= _SHORT_LIMIT else _SHORT.pack(-1) + _LONG.pack(size)
        self._transport.write(header + body)

    async def recv(self) -> Any:
        """The next message. Raises ChildExited once there is none left and the process is reaped."""
        message = await self._frames.messages.get()
        if message is not None:
            return message[0]
        self._frames.messages.put_nowait(None)
        raise ChildExited(await self.wait())

    def kill(self) -> None:
        """End the process now, whatever it does. Idempotent."""
        if self._process.returncode is None:
            self._process.kill()

    async def wait(self) -> int:
        """Wait until the process has ended and return its exit code.

        Once the pipe is closed the process has seconds to follow, then it is killed.
        """
        if self._transport.is_closing():
            try:
                await asyncio.wait_for(self._process.wait(), _EXIT_GRACE_S)
            except TimeoutError:
                self.kill()
        code = await self._process.wait()
        self._transport.close()
        return code


def connect() -> Connection:
    """The child's end of the pipe. Call it once, first, in the child's main thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    connection = Connection(int(os.environ.pop(_FD_VARIABLE)))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return connection
