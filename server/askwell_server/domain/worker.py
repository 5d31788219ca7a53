"""The domain worker: a process that runs tasks over documents nobody has checked.

    python -m askwell_server.domain.worker [ENCODER]        (spawned by domain.pool)

It loads the encoder, where it is given one, and says ``Ready``. It answers each task with any number of
``Reading`` and then one ``Done``, ``Refused`` or ``Failed``. The limits below end it, and it alone, when a
document makes it grow or spin; the pool starts another.
"""

import resource
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from askwell_interview import DocumentError, Encoder

from ..child import connect
from .encoder_folder import EncoderRefused
from .task import Desk, Task

MEMORY_LIMIT_BYTES = 2 * 1024**3  # of addresses; with an encoder it begins with 0.7 GB of them
# The pool's limit is on the wall clock; this one holds even when the pool is not there to look.
CPU_LIMIT_S = 20


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything is imported and loaded."""


@dataclass(frozen=True, slots=True)
class Reading:
    """This document is being read now."""

    field: str


@dataclass(frozen=True, slots=True)
class Done:
    value: Any


@dataclass(frozen=True, slots=True)
class Refused:
    """The input cannot be used; ``field`` is its path in the request.

    Before ``Ready``: the encoder cannot be used, and the worker has ended; ``field`` is empty.
    """

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A bug: the exception's type and where it happened. No message, since it may quote a document."""

    kind: str
    where: str


def main() -> None:
    connection = connect()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        encoder = _encoder(sys.argv[1:])
    except EncoderRefused as error:
        connection.send(Refused("", str(error)))
        return
    connection.send(Ready())
    desk = Desk(lambda field: connection.send(Reading(field)), encoder)
    while True:
        try:
            task: Task[Any] = connection.recv()
        except EOFError:
            return
        _limit_cpu()
        connection.send(_answer(task, desk))


def _encoder(folders: list[str]) -> Encoder | None:
    if not folders:
        return None
    from .encoder import MiniLm  # with ctranslate2, which a worker without an encoder does not need

    return MiniLm(Path(folders[0]))


def _answer(task: Task[Any], desk: Desk) -> Done | Refused | Failed:
    try:
        return Done(task.run(desk))
    except DocumentError as error:
        return Refused(error.which or "", error.message)
    except (MemoryError, RecursionError) as error:
        return Failed(type(error).__name__, "")
    except Exception as error:
        return Failed(type(error).__name__, "".join(traceback.format_tb(error.__traceback__)).rstrip())


def _limit_cpu() -> None:
    """Let the process use CPU_LIMIT_S more from here; beyond, the kernel ends it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + CPU_LIMIT_S, hard))


if __name__ == "__main__":
    # Under its own name, so that what it sends is not pickled as coming from __main__.
    from askwell_server.domain import worker

    worker.main()
