"""What the domain refuses, in one line that holds no document text."""


class DocumentError(ValueError):
    """Input that cannot be used. ``which`` is what is at fault, by its path in the API's request: "resume",
    "minutes", "core_questions[2].text"; None where only the caller knows which document was being read."""

    def __init__(self, message: str, which: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.which = which

    def __reduce__(self) -> tuple[type["DocumentError"], tuple[str, str | None]]:
        """Errors cross from the domain worker to the server by pickle."""
        return type(self), (self.message, self.which)
