"""The domain worker: a process that runs tasks over documents nobody has checked.

    python -m askwell_server.domain.worker        (spawned by domain.pool)

It answers each task with any number of ``Reading`` and then one ``Done``, ``Refused`` or ``Failed``. The
limits below end it, and it alone, when a document makes it grow or spin; the pool starts another.
"""

import resource
import traceback
from dataclasses import dataclass
from typing import Any

from askwell_interview import DocumentError

from ..child import connect
from .task import Task

MEMORY_LIMIT_BYTES = 2 * 1024**3
# The pool's limit is on the wall clock; this one holds even when the pool is not there to look.
CPU_LIMIT_S = 20


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything is imported."""


@dataclass(frozen=True, slots=True)
class Reading:
    """This document is being read now."""

    field: str


@dataclass(frozen=True, slots=True)
class Done:
    value: Any


@dataclass(frozen=True, slots=True)
class Refused:
    """The input cannot be used; ``field`` is empty when it is neither document."""

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
    connection.send(Ready())
    while True:
        try:
            task: Task[Any] = connection.recv()
        except EOFError:
            return
        _limit_cpu()
        connection.send(_answer(task, lambda field: connection.send(Reading(field))))


def _answer(task: Task[Any], reading: Any) -> Done | Refused | Failed:
    try:
        return Done(task.run(reading))
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
