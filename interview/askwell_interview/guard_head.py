"""The guard's trained head: how unlike a lawful question a text is, and which category is the likeliest.

The first is logistic regression with a Gaussian kernel on the sentence's vector and on that of its last
clause, by way of some hundred landmarks (Nyström's approximation), plus linear weights of hashed words and
letters: meaning says what a question is about, wording says whether it asks about the person or about work.
The second is ridge regression on the same kernel and the words. ``guard_training`` makes the file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

import numpy as np

from .encoder import Encoder, FloatRows
from .guard_words import buckets, last_clause

# Shares of the parts in the kernel that the head is trained with.
WHOLE_SHARE, CLAUSE_SHARE, WORD_SHARE, LETTER_SHARE = 0.6, 0.4, 0.4, 0.4
# Turns estimates between 0 and 1 into chances.
SHARPNESS = 8.0


@dataclass(frozen=True, slots=True)
class Head:
    """Arrays of data/guard/head.npz; float32 here, float16 in the file.

    ``landmarks`` [m, width]; ``whole``, ``clause`` [m]; ``word`` [4096]; ``letter`` [16384]; ``bias``,
    ``threshold`` and ``pattern`` are numbers: a text is refused whose score, plus ``pattern`` if a pattern
    hits, is over ``threshold``. ``category_whole``, ``category_clause`` [m, categories]; ``category_word``
    [4096, categories].
    """

    landmarks: FloatRows
    whole: FloatRows
    clause: FloatRows
    word: FloatRows
    letter: FloatRows
    category_whole: FloatRows
    category_clause: FloatRows
    category_word: FloatRows
    bias: float
    threshold: float
    pattern: float

    def read(self, encoder: Encoder, text: str) -> tuple[float, list[float]]:
        """The text's score, and each category's probability in the order of ``categories()``."""
        clause = last_clause(text)
        rows = encoder.encode([text] if clause == text else [text, clause])  # most texts are one clause
        words, letters = buckets(text)
        near = kernel(rows, self.landmarks)
        score = (
            float(near[0] @ self.whole + near[-1] @ self.clause)
            + float(self.word[words].sum()) / len(words) ** 0.5
            + float(self.letter[letters].sum()) / len(letters) ** 0.5
            + self.bias
        )
        like = (
            near[0] @ self.category_whole
            + near[-1] @ self.category_clause
            + self.category_word[words].sum(axis=0) / len(words) ** 0.5
        )
        raised = np.exp(SHARPNESS * (like - like.max()))
        return score, [float(share) for share in raised / raised.sum()]


def kernel(one: FloatRows, other: FloatRows) -> FloatRows:
    """Gaussian of the distance between rows of length 1: [len(one), len(other)]."""
    likeness: FloatRows = np.exp(2 * (one @ other.T) - 2)
    return likeness


@cache
def head() -> Head:
    """The head that is shipped."""
    with as_file(files(__package__) / "data" / "guard" / "head.npz") as path, np.load(path) as stored:
        rows = {name: stored[name].astype(np.float32) for name in stored.files}
    numbers: Sequence[float] = [float(number) for number in rows.pop("numbers")]
    bias, threshold, pattern = numbers
    return Head(**rows, bias=bias, threshold=threshold, pattern=pattern)
