"""What the domain asks of a sentence encoder; the server has one, a test may write its own."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

FloatRows: TypeAlias = npt.NDArray[np.float32]


class Encoder(Protocol):
    """Texts of like meaning get vectors that point in like directions, whatever their words."""

    def encode(self, texts: Sequence[str]) -> FloatRows:
        """A row of length 1 for each text, in their order: [len(texts), width].

        The product of two rows is their cosine. A text alone gets the row that it gets in company, up to
        rounding.
        """
        ...


class Remembering:
    """Encodes a text once for all that ask for it while one interview is planned."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._rows: dict[str, FloatRows] = {}

    def encode(self, texts: Sequence[str]) -> FloatRows:
        """A row of length 1 for each text, in their order: [len(texts), width]."""
        new = [text for text in dict.fromkeys(texts) if text not in self._rows]
        if new:
            self._rows.update(zip(new, self._encoder.encode(new), strict=True))
        if not texts:
            return self._encoder.encode([])
        return np.stack([self._rows[text] for text in texts])
