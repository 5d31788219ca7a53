"""Whose questions are these? The place of a résumé among all, by its likeness to the questions."""

from collections.abc import Sequence

from .asking import Asked, probes, texts
from .likeness import Library, reciprocal_rank


class Ranks:
    """Reciprocal ranks, one at most for each set: none where a set has no such question."""

    def __init__(self, library: Library, names: Sequence[str]) -> None:
        """``names``: of the library's résumés, in its order."""
        self._library = library
        self._place = {name: place for place, name in enumerate(names)}

    def own(self, asked: Asked) -> list[float]:
        """Of the right résumé, from all questions of its set."""
        return self._ranks(texts(asked.own.questions), asked.name)

    def own_probes(self, asked: Asked) -> list[float]:
        return self._ranks(texts(probes(asked.own)), asked.name)

    def swapped(self, asked: Asked) -> list[float]:
        """Of the résumé that a job was swapped to, from the probes alone: no trade gives it away."""
        return self._ranks(texts(probes(asked.other)), asked.other_name)

    def place(self, name: str) -> int:
        return self._place[name]

    def _ranks(self, questions: Sequence[str], name: str) -> list[float]:
        if not questions:
            return []
        return [reciprocal_rank(self._library.scores(questions), self._place[name])]
