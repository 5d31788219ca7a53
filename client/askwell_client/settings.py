"""What a client is told once: whom to call, how long to wait, how often to try."""

import math
from dataclasses import dataclass
from typing import Any

from askwell_client.attempts import Attempts
from askwell_client.call import Call
from askwell_client.target import checked_target

# gRPC waits a second, then up to two minutes, before it connects again, and fails every call meanwhile
# without trying. Our own retries come sooner, and must find a channel that has tried.
CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked once, here: raises ``ValueError`` for an address, a time or a number that makes no sense."""

    target: str
    timeout_s: float
    retries: int

    def __post_init__(self) -> None:
        checked_target(self.target)
        _check_timeout(self.timeout_s)
        if self.retries < 0:
            raise ValueError(f"retries must be 0 or more, not {self.retries}")

    def attempts(self, call: Call[Any]) -> Attempts:
        """The budget of one call that starts now."""
        timeout_s = self.timeout_s if call.timeout_s is None else call.timeout_s
        _check_timeout(timeout_s)
        return Attempts(self.target, call.request_id, timeout_s=timeout_s, retries=self.retries)


def _check_timeout(timeout_s: float) -> None:
    if not (0 < timeout_s < math.inf):
        raise ValueError(f"timeout_s must be a number of seconds above 0, not {timeout_s}")
