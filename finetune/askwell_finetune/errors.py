"""What is wrong with a run: its settings, its data, its base model, or what came out of it."""


class FinetuneError(ValueError):
    """The message is one line that says what is wrong and what to do."""
