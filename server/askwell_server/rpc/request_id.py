"""What a request is called in logs and answers, and what may stand there."""

import uuid

LENGTH_LIMIT = 128


def is_request_id(text: str) -> bool:
    """Printable ASCII only: ids go into logs."""
    return bool(text) and is_printable(text, LENGTH_LIMIT)


def is_printable(text: str, limit: int) -> bool:
    return len(text) <= limit and all(" " <= character <= "~" for character in text)


def new_request_id() -> str:
    return uuid.uuid4().hex
