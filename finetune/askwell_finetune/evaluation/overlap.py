"""What a model repeats of its training: the longest run of words that a new question and an old one share."""

from collections.abc import Iterable, Sequence

from askwell_interview.word import WORD


class Endings:
    """The endings of training questions, in words. Openings are templates and may come again."""

    def __init__(self, endings: Iterable[str]) -> None:
        self._endings = [_words(text) for text in endings]
        self._places: dict[str, list[tuple[int, int]]] = {}
        for index, words in enumerate(self._endings):
            for at, word in enumerate(words):
                self._places.setdefault(word, []).append((index, at))

    def longest(self, text: str) -> tuple[int, str]:
        """How many words in a row, and which."""
        words = _words(text)
        best, told = 0, ""
        for at in range(len(words)):
            if len(words) - at <= best:
                break
            for index, place in self._places.get(words[at], ()):
                length = _run(words, at, self._endings[index], place)
                if length > best:
                    best, told = length, " ".join(words[at : at + length])
        return best, told


def _run(one: Sequence[str], at: int, other: Sequence[str], place: int) -> int:
    length = 0
    while (
        at + length < len(one) and place + length < len(other) and one[at + length] == other[place + length]
    ):
        length += 1
    return length


def _words(text: str) -> list[str]:
    return [word.casefold() for word in WORD.findall(text)]
