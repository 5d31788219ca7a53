"""Runs that end before they are done: what is measured by then is worth keeping, if it is enough.

rounds, stopped = [], None
try:
    measure(rounds)
except ENDINGS as ending:
    stopped = why_stopped(ending, len(rounds))
"""

from typing import Any

from askwell_client import AskwellError

from .compare.judge import LEAST_ROUNDS

ENDINGS = (AskwellError, RuntimeError, KeyboardInterrupt)
"""A server that went away, a side that died, and Ctrl-C."""


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What a task group really ended with."""
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first


def why_stopped(ending: BaseException, rounds: int) -> str:
    """In one line. Raises RuntimeError with that line when too few rounds were finished to tell anything."""
    why = "interrupted" if isinstance(ending, KeyboardInterrupt) else " ".join(str(ending).split())
    if rounds < LEAST_ROUNDS:
        least = f"after {rounds} of the {LEAST_ROUNDS} rounds that a result takes"
        raise RuntimeError(f"{why} ({least})") from ending
    return why


def partial(stopped: str | None) -> dict[str, Any]:
    """What a result says of it."""
    return {"partial": True, "stopped": stopped} if stopped else {}
