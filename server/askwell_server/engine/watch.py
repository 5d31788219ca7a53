"""When an engine process is given up."""

TICK_S = 2.0  # between two questions whether it lives
# It answers from a thread of its own, whatever runs; only a stopped or starved process is silent so long.
SILENCE_S = 20.0
_LEAST_S = 30.0
_TIMES = 20.0


def is_stuck(silent_s: float, expected_s: float) -> bool:
    """Whether a batch that should show its next token within ``expected_s`` will never do."""
    return silent_s > max(_LEAST_S, _TIMES * expected_s)
