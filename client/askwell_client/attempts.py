"""The budget of one call: how long it may still take, and whether it may be tried again.

Holds no channel and never sleeps: the drivers ask it after each failed attempt what to do. The server's own
delay is kept to; without one the wait doubles from ``FIRST_BACKOFF_S`` to ``MAX_BACKOFF_S``, half of
it at random, so that clients refused together do not come back together.
"""

import random
import time
from collections.abc import Callable

from askwell_client.failure import RpcFailure, refusal_from_rpc

FIRST_BACKOFF_S = 0.2
MAX_BACKOFF_S = 5.0


class Attempts:
    """One call to ``target``: at most ``retries`` attempts after the first, all within ``timeout_s``."""

    def __init__(
        self,
        target: str,
        request_id: str,
        *,
        timeout_s: float,
        retries: int,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._target = target
        self._request_id = request_id
        self._timeout_s = timeout_s
        self._retries_left = retries
        self._clock = clock
        self._chance = chance
        self._end_s = clock() + timeout_s
        self._backoff_s = FIRST_BACKOFF_S

    def left_s(self) -> float:
        """Seconds that the next attempt may take."""
        return max(0.0, self._end_s - self._clock())

    def delay_after(self, failure: RpcFailure, *, answered: bool = False) -> float:
        """Seconds to wait before the next attempt.

        Raises the failure as an ``AskwellError`` when there is to be none: it would not help, the server
        forbids it, the retries are used up, the deadline would pass first, or the caller has seen part of the
        answer (``answered``).
        """
        refusal = refusal_from_rpc(
            failure, target=self._target, timeout_s=self._timeout_s, request_id=self._request_id
        )
        if answered or not refusal.may_retry or not self._retries_left:
            raise refusal.error
        delay_s = refusal.error.retry_delay_s
        if delay_s is None:
            delay_s = self._backoff_s * (0.5 + 0.5 * self._chance())
            self._backoff_s = min(2 * self._backoff_s, MAX_BACKOFF_S)
        if delay_s >= self.left_s():
            raise refusal.error
        self._retries_left -= 1
        return delay_s
