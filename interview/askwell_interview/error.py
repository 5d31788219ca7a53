"""What the domain refuses, in one line that holds no document text."""

from typing import Literal

Which = Literal["job", "resume", "question.text", "answer"]


class DocumentError(ValueError):
    """Input that cannot be used. ``which`` names the document or text at fault, when it is one of those."""

    def __init__(self, message: str, which: Which | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.which = which

    def __reduce__(self) -> tuple[type["DocumentError"], tuple[str, Which | None]]:
        """Errors cross from the domain worker to the server by pickle."""
        return type(self), (self.message, self.which)
