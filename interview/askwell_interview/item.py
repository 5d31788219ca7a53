"""What is planned: one question to be, and all of them in the order of asking."""

from dataclasses import dataclass

from .question import Evidence, QuestionType, Relation, Slot
from .skill import Kind


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One planned question. ``kind`` is the skill's, and chooses the wording. ``other``: the skill that the
    candidate has in place of the competency, of a relation TRANSFERABLE. ``minutes`` for the answer and its
    follow-ups; 0 where nobody said, as for a question that the caller gave without. ``linked``: the résumé
    has the competency in other words, so that no question may say that it names it."""

    id: str
    slot: Slot
    type: QuestionType
    competency: str
    relation: Relation
    reason: str
    job_evidence: Evidence | None
    resume_evidence: Evidence | None
    kind: Kind = "knowledge"
    field: str = ""
    other: str = ""
    minutes: int = 0
    difficulty: int = 0
    text: str = ""
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The items in the order of asking."""

    items: tuple[PlanItem, ...]

    @property
    def minutes(self) -> int:
        """What all of them take together."""
        return sum(item.minutes for item in self.items)
