"""The engine process: loads the model, then runs batches, on each of its lanes one after another.

Each lane has a thread that generates; a reader thread takes messages, so that a cancellation reaches a
running batch, a ping is answered whatever runs, and a front that died ends this process at once. The main
thread loads, waits for the lanes and destroys the generator.
"""

import os
import queue
import sys
import threading
from contextlib import closing
from multiprocessing.connection import Connection
from typing import Any

from ..child import connect
from .backend import Backend, CTranslate2Backend
from .batch_run import BatchRun, Cancellations, Send
from .cost import CostModel
from .failure import Failure
from .folder import ModelRefused
from .memory import cached_token_bytes, free_bytes
from .messages import Batch, Cancel, Cut, Done, Failed, Load, Ping, Pong, Quit, Ready, Refused
from .warm import measure_cost

# The callback waits for the interpreter lock once a token while the device idles; 5 ms (the default) is long.
_SWITCH_INTERVAL_S = 5e-4
_FRONT_IS_GONE = 1
_DEVICE_IS_LOST = 3
_LANE_IS_DEAD = 4
_PROBE_SHARE = 0.2  # of the free memory: every step copies the cache, and a prefill needs room of its own
_PROBED_TOKENS = 8192  # where memory is unknown

Inbox = queue.SimpleQueue[Batch | None]


class Outbox:
    """The way to the front, for every thread. When the front is gone this process ends at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, message: object) -> None:
        try:
            with self._lock:
                self._connection.send(message)
        except OSError:
            os._exit(_FRONT_IS_GONE)


def run(backend: Backend, batch: Batch, cancellations: Cancellations, send: Send) -> None:
    """Run one batch. Whatever goes wrong ends the batch, not the process, unless the device is lost.

    Then nothing more is said of the batch: it dies with the process, and each of its rows, which may be why,
    runs again alone.
    """
    failure = None
    try:
        batch_run = BatchRun(batch, backend.facts.end_ids, cancellations.of(batch.batch_id), send)
        sequences = backend.generate(batch, batch_run.on_token)
        if sequences is not None:
            batch_run.take_beams(sequences)
        batch_run.flush()
        failure = batch_run.failure
    except BaseException as error:
        failure = Failure.from_error(error)
    cancellations.forget(batch.batch_id)
    if failure is None:
        send(Done(batch.batch_id))
        return
    if failure.device_lost:
        print(f"the engine process lost its device: {failure.line}", file=sys.stderr, flush=True)
        os._exit(_DEVICE_IS_LOST)
    send(Failed(batch.batch_id, failure.line, failure.out_of_memory))


def serve(backend: Backend, inbox: Inbox, cancellations: Cancellations, send: Send) -> None:
    """Run what comes into the inbox on all lanes, until None comes and what was there before it is done."""
    arguments = (backend, inbox, cancellations, send)
    lanes = [
        threading.Thread(target=_lane, args=arguments, name=f"lane {i}")
        for i in range(backend.facts.layout.lanes)
    ]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()


def _lane(backend: Backend, inbox: Inbox, cancellations: Cancellations, send: Send) -> None:
    try:
        while (batch := inbox.get()) is not None:
            run(backend, batch, cancellations, send)
        inbox.put(None)  # for the next lane
    except BaseException:  # not even a failure could be told of: let the front see a death, not a silence
        os._exit(_LANE_IS_DEAD)


def main() -> None:
    connection = connect()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        load = connection.recv()
    except EOFError:
        return
    inbox: Inbox = queue.SimpleQueue()
    cancellations, outbox = Cancellations(), Outbox(connection)
    receive = (connection, inbox, cancellations, outbox.send)
    threading.Thread(target=_receive, args=receive, name="reader", daemon=True).start()
    if (backend := _loaded(load, outbox.send)) is not None:
        with closing(backend):
            serve(backend, inbox, cancellations, outbox.send)


def _loaded(load: Load, send: Send) -> CTranslate2Backend | None:
    """The backend, loaded and warm; None when the front was told why there is none."""
    try:
        backend = CTranslate2Backend(load)
        send(_ready(load, backend))
        return backend
    except ModelRefused as refusal:
        send(Refused(str(refusal)))
    except (RuntimeError, MemoryError) as error:  # of its first batches
        why = Failure.from_error(error)
        more = "; it needs more memory" if why.out_of_memory else ""
        send(Refused(f"{load.model_dir} cannot run on {load.device}: {why.line}{more}"))
    return None


def _ready(load: Load, backend: CTranslate2Backend) -> Ready:
    facts = backend.facts
    token_bytes = cached_token_bytes(load.model_dir, facts.compute_type)
    return Ready(
        device=facts.device,
        compute_type=facts.compute_type,
        threads=facts.layout.threads,
        lanes=facts.layout.lanes,
        cost=load.cost or _measured_cost(backend, token_bytes),
        cached_token_bytes=token_bytes,
        free_bytes=free_bytes(facts.device),
    )


def _measured_cost(backend: CTranslate2Backend, token_bytes: int) -> CostModel:
    facts = backend.facts
    free = free_bytes(facts.device)
    tokens = _PROBED_TOKENS
    if free is not None and token_bytes:
        tokens = int(_PROBE_SHARE * free / facts.layout.lanes / token_bytes)
    return measure_cost(
        backend.generate,
        facts.layout.lanes,
        facts.ordinary_ids,
        facts.positions,
        tokens=tokens,
        compiles=facts.device != "cpu",
    )


def _receive(connection: Connection, inbox: Inbox, cancellations: Cancellations, send: Send) -> None:
    while True:
        try:
            message: Any = connection.recv()
        except (EOFError, OSError):
            os._exit(_FRONT_IS_GONE)
        if isinstance(message, Batch):
            cancellations.expect(message.batch_id)
            inbox.put(message)
        elif isinstance(message, Cancel | Cut):
            cancellations.add(message)
        elif isinstance(message, Ping):
            send(Pong())
        elif isinstance(message, Quit):
            inbox.put(None)


if __name__ == "__main__":
    main()
