"""Who is admitted: at once, or refused at once."""

from collections.abc import Sequence
from dataclasses import replace

from ..errors import InvalidRequest, NotSupported, QueueFull, ServerFault
from .config import EngineConfig
from .device import Device
from .dispatch import Dispatcher
from .row import Row

_LONGEST_RETRY_S, _SHORTEST_RETRY_S = 30.0, 0.1


def admission(
    rows: Sequence[Row], dispatcher: Dispatcher, config: EngineConfig, now_s: float
) -> tuple[list[tuple[Row, float]], float]:
    """The rows with the deadlines that hold for them and their shares of a lane's time, and the predicted
    seconds until all have ended.

    Raises QueueFull for a crowd or a deadline that cannot be met, NotSupported, ServerFault for what ended
    the engine before, InvalidRequest for a row that the device's memory cannot hold. One device must be
    ready.
    """
    if not rows:
        return [], 0.0
    _check_kinds(rows, dispatcher)
    _check_room(rows, dispatcher, config.queue_limit)
    device = next(each for each in dispatcher.devices if each.ready)
    last_s = now_s + config.max_request_s
    bounded: dict[int, tuple[Row, float]] = {}  # by identity: samples of a prompt are one row
    for row in rows:
        if id(row) not in bounded:
            _check_memory(row, dispatcher.most_tokens)
            deadline_s = last_s if row.deadline_s is None else min(last_s, row.deadline_s)
            share_s = dispatcher.forecast.share_s(row, device.cost, device.limits)
            bounded[id(row)] = replace(row, deadline_s=deadline_s), share_s
    admitted = [bounded[id(row)] for row in rows]
    return admitted, _check_deadlines(admitted, dispatcher, device, now_s)


def _check_kinds(rows: Sequence[Row], dispatcher: Dispatcher) -> None:
    if any(row.options.logprobs and row.options.num_beams > 1 for row in rows):
        raise NotSupported("log-probabilities of tokens are not available with beams")
    if any(dispatcher.isolation.guilty(row) for row in rows):
        dispatcher.statistics.refused["crash"] += len(rows)
        raise ServerFault("this request ended the engine process before; it is refused")


def _check_room(rows: Sequence[Row], dispatcher: Dispatcher, queue_limit: int) -> None:
    waiting = dispatcher.waiting
    if waiting + len(rows) > queue_limit:
        dispatcher.statistics.refused["queue"] += len(rows)
        wait_s = dispatcher.wait_s(rows[0]) * len(rows) / max(1, waiting)
        raise QueueFull(f"{waiting} rows wait and at most {queue_limit} may", retry_s=_retry_s(wait_s))


def _check_memory(row: Row, most_tokens: int | None) -> None:
    """Raises InvalidRequest for a row that could only end the engine."""
    tokens = (len(row.prompt) + row.max_new_tokens) * row.options.num_beams
    if most_tokens is not None and tokens > most_tokens:
        told = (
            f"prompt and new tokens, over all beams, are {tokens}; this device has memory for {most_tokens}"
        )
        raise InvalidRequest.of("stopping.max_new_tokens", told)


def _check_deadlines(
    rows: Sequence[tuple[Row, float]], dispatcher: Dispatcher, device: Device, now_s: float
) -> float:
    """When the rows should all have ended, in seconds. Raises QueueFull when that is too late for one.

    Nobody is refused who would start at once: a row may end early, and none waits for it.
    """
    forecast = dispatcher.forecast
    worst = max((row for row, _ in rows), key=lambda row: len(row.prompt) + row.max_new_tokens)
    work_s = forecast.paced(sum(share_s for _, share_s in rows)) / dispatcher.lanes
    own_s = forecast.own_s(worst, device.cost, device.limits)
    predicted_s = dispatcher.wait_s(worst) + max(work_s, own_s)
    if worst.limit_s is not None:
        predicted_s = min(predicted_s, max(0.0, worst.limit_s - now_s))
    deadline_s = min(row.deadline_s for row, _ in rows if row.deadline_s is not None)
    late_s = predicted_s * forecast.margin(worst.priority) - (deadline_s - now_s)
    if late_s > 0 and len(rows) > dispatcher.room() and deadline_s > now_s:
        dispatcher.statistics.refused["deadline"] += len(rows)
        told = f"it would take about {predicted_s:.1f} s, which is longer than its deadline allows"
        raise QueueFull(told, retry_s=_retry_s(late_s))
    return predicted_s


def _retry_s(seconds: float) -> float:
    return min(max(seconds, _SHORTEST_RETRY_S), _LONGEST_RETRY_S)
