"""Token ids to text, one at a time, never showing half a character."""

from collections.abc import Callable, Sequence

_INCOMPLETE = "\ufffd"
_CHARACTER_TOKENS = 4  # a character has at most four bytes, and a token at least one
# A longer run of tokens that decodes to U+FFFD is no character; it is shown so that the window stays small.
_WINDOW_LIMIT = 32


class Detokenizer:
    """Turns one row's tokens into text; what was returned so far is always a prefix of the whole.

    Tokens are decoded behind the tokens of the character before them, because some decoders strip the space
    that leads a text; ``context`` is the end of the prompt. Text that ends in U+FFFD may be half a character
    and is held back until the next token or ``flush``.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], context: Sequence[int] = ()) -> None:
        self._decode = decode
        self._window: list[int] = list(context)
        self._shown = ""
        self._anchor()

    def push(self, token_id: int) -> str:
        """The text that this token made certain, perhaps none."""
        self._window.append(token_id)
        text = self._decode(self._window)
        if text.endswith(_INCOMPLETE) and len(self._window) < _WINDOW_LIMIT:
            return ""
        return self._show(text)

    def flush(self) -> str:
        """The text still held back; there is no next token."""
        return self._show(self._decode(self._window)) if self._window else ""

    def _show(self, text: str) -> str:
        new = text[len(self._shown) :]
        self._anchor()
        return new

    def _anchor(self) -> None:
        """Keep of the window only the last tokens that are whole characters by themselves."""
        for count in range(1, min(_CHARACTER_TOKENS, len(self._window)) + 1):
            tail = self._window[-count:]
            text = self._decode(tail)
            if _INCOMPLETE not in text:
                self._window, self._shown = tail, text
                return
        self._window, self._shown = [], ""
