"""What a request is called in logs and answers."""

import uuid

LENGTH_LIMIT = 128


def is_request_id(text: str) -> bool:
    """Printable ASCII only: ids go into logs."""
    return 0 < len(text) <= LENGTH_LIMIT and all(" " <= character <= "~" for character in text)


def new_request_id() -> str:
    return uuid.uuid4().hex
