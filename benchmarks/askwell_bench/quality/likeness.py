"""How near texts are: by their words, or by their meaning where an encoder is given."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from askwell_interview.word import stems
from rapidfuzz.fuzz import ratio

Matrix: TypeAlias = npt.NDArray[np.float64]
Encode: TypeAlias = Callable[[Sequence[str]], npt.NDArray[np.float32]]
_LEAST_LETTERS = 12  # a line of fewer says nothing to an encoder


class Library(Protocol):
    """A fixed list of résumés that sets of questions are compared with."""

    def scores(self, questions: Sequence[str]) -> Matrix:
        """One for each résumé, higher is nearer."""
        ...


class WordLibrary:
    """Cosine of TF-IDF vectors: stems, log term frequency, smoothed idf over the résumés."""

    def __init__(self, resumes: Sequence[str]) -> None:
        bags = [Counter(stems(text)) for text in resumes]
        seen = Counter(stem for bag in bags for stem in bag)
        self._idf = {stem: math.log((1 + len(bags)) / (1 + n)) for stem, n in seen.items()}
        self._index = {stem: index for index, stem in enumerate(seen)}
        self._rows = np.stack([self._row(bag) for bag in bags])

    def scores(self, questions: Sequence[str]) -> Matrix:
        found: Matrix = self._rows @ self._row(Counter(stem for text in questions for stem in stems(text)))
        return found

    def _row(self, bag: Counter[str]) -> Matrix:
        row = np.zeros(len(self._index))
        for stem, times in bag.items():
            if stem in self._index:
                row[self._index[stem]] = (1 + math.log(times)) * self._idf[stem]
        length = float(np.linalg.norm(row))
        return row / length if length else row


class MeaningLibrary:
    """The mean over the questions of the cosine with the résumé's nearest line: an encoder reads 256 tokens,
    and a résumé is longer."""

    def __init__(self, resumes: Sequence[str], encode: Encode) -> None:
        self._encode = encode
        lines = [[each for each in text.split("\n") if len(each) >= _LEAST_LETTERS] for text in resumes]
        self._rows = [encode(each) for each in lines]

    def scores(self, questions: Sequence[str]) -> Matrix:
        if not questions:
            return np.zeros(len(self._rows))
        asked = self._encode(list(questions))
        return np.array([float((asked @ rows.T).max(axis=1).mean()) for rows in self._rows])


def library_of(resumes: Sequence[str], encode: Encode | None) -> Library:
    return WordLibrary(resumes) if encode is None else MeaningLibrary(resumes, encode)


def remembered(encode: Encode) -> Encode:
    """The same, each text encoded once."""
    known: dict[str, npt.NDArray[np.float32]] = {}

    def lookup(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        if new := [text for text in dict.fromkeys(texts) if text not in known]:
            known.update(zip(new, encode(new), strict=True))
        return np.stack([known[text] for text in texts])

    return lookup


def reciprocal_rank(scores: Matrix, right: int) -> float:
    """1 over the place of the right one; who is level with it stands before it."""
    return 1.0 / float(np.sum(scores >= scores[right]))


def set_distance(first: Sequence[str], second: Sequence[str], encode: Encode | None) -> float:
    """1 - the mean likeness of each text to its nearest in the other set, over both directions.

    Likeness is the cosine with an encoder, else the normalised edit likeness of ``rapidfuzz.fuzz.ratio``.
    1 when either set is empty.
    """
    if not first or not second:
        return 1.0
    table: npt.NDArray[Any]
    if encode is not None:
        table = encode(list(first)) @ encode(list(second)).T
    else:
        table = np.array([[ratio(a, b) / 100 for b in second] for a in first])
    return 1.0 - float((table.max(axis=1).sum() + table.max(axis=0).sum()) / (len(first) + len(second)))
