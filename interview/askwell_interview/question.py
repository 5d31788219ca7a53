"""The nouns that leave the domain: what is asked, and on what evidence.

Enum names and numbers are those of ``askwell.v1``; UNSPECIFIED occurs only in a core question that the
caller gave without saying.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from .guard import Verdict


class Slot(Enum):
    """Whether a question is the same for every candidate of a job."""

    SLOT_UNSPECIFIED = 0
    CORE = 1
    PROBE = 2


class QuestionType(Enum):
    """What kind of answer a question asks for."""

    TYPE_UNSPECIFIED = 0
    BEHAVIOURAL = 1
    SITUATIONAL = 2
    TECHNICAL = 3
    MOTIVATION = 4


class Relation(Enum):
    """How the résumé relates to what the job asks."""

    RELATION_UNSPECIFIED = 0
    JOB = 1
    MATCH = 2
    GAP = 3
    PARTIAL = 4
    UNVERIFIED_CLAIM = 5
    TRANSFERABLE = 6


class Source(Enum):
    """Who wrote a question."""

    SOURCE_UNSPECIFIED = 0
    MODEL = 1
    BANK = 2


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of a document: ``text[start:end] == quote``, in code points. Holds no personal data."""

    quote: str
    start: int
    end: int


class Trigger(Enum):
    """What an answer was like that calls for a follow-up."""

    TRIGGER_UNSPECIFIED = 0
    VAGUE = 1
    NO_RESULT = 2
    WE_NOT_I = 3
    UNSUPPORTED = 4
    STRONG = 5


@dataclass(frozen=True, slots=True)
class Anchor:
    """What an answer sounds like that deserves ``rating``, 1 to 5."""

    rating: int
    text: str


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What to ask next after an answer of this kind."""

    trigger: Trigger
    text: str


@dataclass(frozen=True, slots=True)
class Rubric:
    """How to judge the answer and go on from it. ``difficulty`` 1 to 5, ``minutes`` for answer and
    follow-ups; 0 where nobody said. Anchors stand in the order of their ratings."""

    difficulty: int = 0
    minutes: int = 0
    anchors: tuple[Anchor, ...] = ()
    covers: tuple[str, ...] = ()
    red_flags: tuple[str, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One finished question. ``attempts`` counts the model's texts that were looked at for it. ``model`` and
    ``prompt_version`` tell who wrote it from which wording of the prompt; both are empty for the bank's.
    ``guard``: None until the guard has read it. ``scores``: what the model's was ranked by
    (``score.scores``). ``taxonomy_uri``: the competency's in ESCO, "" where there is no sure one."""

    id: str
    text: str
    slot: Slot = Slot.SLOT_UNSPECIFIED
    type: QuestionType = QuestionType.TYPE_UNSPECIFIED
    competency: str = ""
    relation: Relation = Relation.RELATION_UNSPECIFIED
    source: Source = Source.SOURCE_UNSPECIFIED
    job_evidence: Evidence | None = None
    resume_evidence: Evidence | None = None
    attempts: int = 0
    rubric: Rubric = Rubric()
    model: str = ""
    prompt_version: str = ""
    guard: Verdict | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    taxonomy_uri: str = ""
