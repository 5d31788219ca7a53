"""The one error that people see."""


class ConvertError(Exception):
    """A source or target that cannot be used. The message is one line that says what to do; exit code 2."""
