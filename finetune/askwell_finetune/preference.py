"""Pairs of questions that answer one prompt, of which people preferred one."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from askwell_interview import Features, Guard

from .example import Example, Split
from .imported import opening_in
from .likeness import MAX_ALIKE, alike
from .review import Review

# What both questions of a pair are asked on, and so what they may differ in: the competency in small letters.
_Asked = tuple[Features, str]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two examples with the same prompt and opening."""

    chosen: Example
    rejected: Example


@dataclass
class Preferences:
    """The pairs of an export. ``dropped``: reviews and pairs left out, by the reason."""

    guard: Guard
    dropped: Counter[str] = field(default_factory=Counter)

    def pairs(self, reviews: Iterable[Review]) -> list[Pair]:
        """An edited question against what it was before; each rejected one against the best rated of those
        that were kept for the same competency of the same candidate. No two pairs are alike."""
        sound = list(self._sound(reviews))
        found = [
            pair
            for number, review in enumerate(sound)
            if review.decision == "edited"
            if (pair := self._pair(review, review.before, number))
        ]
        found += self._against_rejected(sound)
        again = alike([f"{pair.chosen.question} {pair.rejected.question}" for pair in found], MAX_ALIKE)
        self.dropped["alike another"] += len(again)
        return [pair for number, pair in enumerate(found) if number not in again]

    def _sound(self, reviews: Iterable[Review]) -> Iterator[Review]:
        for review in reviews:
            if reason := review.objection(self.guard):
                self.dropped[reason] += 1
            else:
                yield review

    def _against_rejected(self, reviews: Sequence[Review]) -> Iterator[Pair]:
        kept: dict[_Asked, Review] = {}
        rejected: dict[_Asked, list[tuple[int, Review]]] = defaultdict(list)
        for number, review in enumerate(reviews):
            asked = review.features, review.item.competency.casefold()
            if review.decision == "rejected":
                rejected[asked].append((number, review))
            elif asked not in kept or review.rating > kept[asked].rating:
                kept[asked] = review
        for asked, some in rejected.items():
            if asked not in kept:
                self.dropped["rejected, and no other one kept"] += len(some)
                continue
            for number, review in some:
                if pair := self._pair(kept[asked], review.before, number):
                    yield pair
        used = {id(kept[asked]) for asked in rejected.keys() & kept.keys()}
        alone = sum(each.decision == "accepted" and id(each) not in used for each in reviews)
        self.dropped["accepted, and no rejected one beside it"] += alone

    def _pair(self, kept: Review, rejected: str, number: int) -> Pair | None:
        if _bare(kept.kept) == _bare(rejected):
            self.dropped["both say the same"] += 1
            return None
        opening = _opening(kept.opening, kept.kept, rejected)
        chosen = example_from_review(kept, number, kept.kept, opening)
        return Pair(chosen, example_from_review(kept, number, rejected, opening))


def example_from_review(
    review: Review, number: int, question: str, opening: str, licence: str = ""
) -> Example:
    """In split "train": splits are made by role afterwards."""
    split: Split = "train"
    return Example(
        f"review-{number}", review.role, split, "review", licence,
        review.features, review.item, opening, question,
    )  # fmt: skip


def _opening(opening: str, one: str, other: str) -> str:
    """``opening`` where both begin with it, otherwise what words they both begin with, perhaps none."""
    if all(question.startswith(opening) and question != opening for question in (one, other)):
        return opening
    words, others = one.split(), other.split()
    shared = takewhile(lambda both: both[0] == both[1], zip(words[:-1], others[:-1], strict=False))
    return " ".join(word for word, _ in shared)


def _bare(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def examples_from_reviews(
    reviews: Iterable[Review], licence: str, guard: Guard, dropped: Counter[str]
) -> Iterator[Example]:
    """What reviewers let pass, as they left it. ``dropped`` counts the rest."""
    for number, review in enumerate(reviews):
        if review.decision == "rejected":
            dropped["rejected by a reviewer"] += 1
        elif reason := review.objection(guard):
            dropped[reason] += 1
        else:
            begun = review.kept.startswith(review.opening) and review.kept != review.opening
            opening = review.opening if begun else opening_in(review.kept, review.item.competency)
            yield example_from_review(review, number, review.kept, opening, licence)
