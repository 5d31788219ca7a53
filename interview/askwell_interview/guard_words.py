"""What the guard's head sees of a text besides its meaning: its words, and the clause that asks."""

import re
from collections.abc import Iterator
from itertools import pairwise
from zlib import crc32

WORD_BUCKETS, LETTER_BUCKETS = 4096, 16384
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+|\?")
# Lead-ins ("Before we come to Kubernetes, …") end where a new clause, or a new sentence, begins.
_BREAK = re.compile(
    r"(?<=[.!?;:])\s+|,\s+(?=(?:and|but|so|or|what|how|who|which|when|do|does|did|is|are|were|was|have|has|"
    r"would|could|can|will|tell|describe|explain)\b)"
)


def last_clause(text: str) -> str:
    """The last clause of three words or more: where a question with a lead-in asks."""
    clauses = [clause.strip() for clause in _BREAK.split(text) if len(clause.split()) >= 3]
    return clauses[-1] if clauses else text


def buckets(text: str) -> tuple[list[int], list[int]]:
    """Hashes of the text's words and pairs of words, and of its runs of four and five letters; each once.

    The second list holds the first list's features too, hashed more widely.
    """
    words = ["^", *_WORD.findall(text.lower().replace("’", "'")), "$"]
    grams = {*words, *(" ".join(pair) for pair in pairwise(words))}
    line = f" {' '.join(words)} "
    runs = {f"#{line[at : at + size]}" for size in (4, 5) for at in range(len(line) - size + 1)}
    return _hashed(grams, WORD_BUCKETS), _hashed(grams | runs, LETTER_BUCKETS)


def _hashed(features: set[str], count: int) -> list[int]:
    return sorted(_numbers(features, count))


def _numbers(features: set[str], count: int) -> Iterator[int]:
    return (crc32(feature.encode()) % count for feature in features)
