"""What came back for a request, and what should have: the same shape, so that they can be compared."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """One sample. ``reason`` is the API's finish reason; "" while it had not ended when its caller left."""

    token_ids: tuple[int, ...]
    reason: str
    text: str = ""
    logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request got: its samples, or the gRPC status it failed with.

    The rest is how the engine ran it: the rows of its largest batch, prompt tokens that were computed once
    for all rows or forced one step at a time, and how many batches it ran in.
    """

    texts: tuple[Text, ...]
    status: str = "OK"
    batch_rows: int = 0
    prefix_tokens: int = 0
    forced_tokens: int = 0
    batches: int = 0
