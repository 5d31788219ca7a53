"""Near-duplicates among many short texts."""

import re
from collections.abc import Sequence

import numpy as np
from rapidfuzz.fuzz import ratio
from rapidfuzz.process import cdist

# Compared at a time: a block of the matrix of likenesses that fits into memory, 1 byte each.
ROWS = 2048
# Of two texts that are more alike than so many percent one is enough.
MAX_ALIKE = 88.0


def alike(texts: Sequence[str], limit: float) -> dict[int, int]:
    """For each text whose words are an earlier one's up to ``limit`` percent: that earlier text's index.

    Words are compared in alphabetical order, so that moving them about makes nothing new. A text that is
    dropped itself drops no other.
    """
    keys = [" ".join(sorted(re.findall(r"\w+", text.casefold()))) for text in texts]
    found: dict[int, int] = {}
    for start in range(0, len(keys), ROWS):
        rows = keys[start : start + ROWS]
        close = cdist(
            rows, keys[: start + len(rows)], scorer=ratio, score_cutoff=limit, dtype=np.uint8, workers=-1
        )
        for row, column in np.argwhere(close).tolist():
            at = start + row
            if column < at and at not in found and column not in found:
                found[at] = column
    return found
