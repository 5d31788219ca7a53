"""One question that the model wrote, and what it is measured against."""

from collections.abc import Sequence
from dataclasses import dataclass

from .data_file import plain_words, telling_words
from .encoder import Encoder
from .ground import Ground, field_stems
from .guard import Guard
from .item import PlanItem
from .parse import continuation
from .question import Slot
from .word import stems


@dataclass(frozen=True)
class Candidate:
    """One question and what it is measured against. ``taken``: what is asked already, openings removed;
    ``asked``: the same, whole. Without an ``encoder`` nothing is measured by its meaning."""

    text: str
    opening: str
    item: PlanItem
    ground: Ground
    taken: Sequence[str]
    guard: Guard
    asked: Sequence[str] = ()
    encoder: Encoder | None = None

    @property
    def added(self) -> str:
        """What the model wrote of it."""
        return continuation(self.opening, self.text)

    @property
    def known(self) -> frozenset[str]:
        """Stems that the documents give: a core question knows the job only."""
        own = self.ground.job if self.item.slot is Slot.CORE else self.ground.job | self.ground.resume
        return own | frozenset(stems(self.item.competency))

    @property
    def own(self) -> frozenset[str]:
        """Stems of the item's own evidence."""
        quotes = [e.quote for e in (self.item.job_evidence, self.item.resume_evidence) if e]
        return frozenset(s for quote in (self.item.competency, *quotes) for s in stems(quote))

    @property
    def telling(self) -> frozenset[str]:
        """Stems of what the model added that say something: from the documents, or a word of work that
        names a circumstance. Those of the competency and everyday words do not count."""
        own = stems(self.item.competency)
        return frozenset(
            s
            for s in stems(self.added)
            if s not in self.ground.occupation
            and not any(_akin(s, other) for other in own)
            and len(s) > 2
            and (
                s in telling_words()
                or (s in self.known | field_stems(self.item.field) and s not in plain_words())
            )
        )


def _akin(one: str, other: str) -> bool:
    """One stem, or the start of the other: "negotiate" says nothing beside "negotiation"."""
    short, long = sorted((one, other), key=len)
    return one == other or (len(short) >= 5 and long.startswith(short))
