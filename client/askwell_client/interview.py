"""Results of ``InterviewService``. The meaning of each field stands in ``askwell/v1/interview.proto``."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from askwell.v1 import interview_pb2
from google.protobuf.message import Message

from askwell_client.mirror import Mirror


class Slot(StrEnum):
    """CORE questions are the same for every candidate of a job, PROBE ones are made for one candidate."""

    UNSPECIFIED = "UNSPECIFIED"
    CORE = "CORE"
    PROBE = "PROBE"


class QuestionType(StrEnum):
    """What kind of answer a question asks for."""

    UNSPECIFIED = "UNSPECIFIED"
    BEHAVIOURAL = "BEHAVIOURAL"
    SITUATIONAL = "SITUATIONAL"
    TECHNICAL = "TECHNICAL"
    MOTIVATION = "MOTIVATION"


class Relation(StrEnum):
    """How the résumé relates to what the job asks."""

    UNSPECIFIED = "UNSPECIFIED"
    JOB = "JOB"
    MATCH = "MATCH"
    GAP = "GAP"
    PARTIAL = "PARTIAL"
    UNVERIFIED_CLAIM = "UNVERIFIED_CLAIM"
    TRANSFERABLE = "TRANSFERABLE"


class Source(StrEnum):
    """Who wrote a question: the language model or the written bank."""

    UNSPECIFIED = "UNSPECIFIED"
    MODEL = "MODEL"
    BANK = "BANK"


class Trigger(StrEnum):
    """What an answer was like that calls for a follow-up."""

    UNSPECIFIED = "UNSPECIFIED"
    VAGUE = "VAGUE"
    NO_RESULT = "NO_RESULT"
    WE_NOT_I = "WE_NOT_I"
    UNSUPPORTED = "UNSUPPORTED"
    STRONG = "STRONG"


class Rule(StrEnum):
    """What decided a verdict: a pattern of words, or likeness to sentences that the guard knows."""

    UNSPECIFIED = "UNSPECIFIED"
    PATTERN = "PATTERN"
    LIKENESS = "LIKENESS"


@dataclass(frozen=True, slots=True)
class Evidence(Mirror):
    """A piece of a document: ``text[start:end] == quote`` in Python's own string offsets."""

    pb: ClassVar[type[Message]] = interview_pb2.Evidence
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Skill(Mirror):
    """One skill, and what the documents say about it."""

    pb: ClassVar[type[Message]] = interview_pb2.Skill
    name: str
    required: bool
    years_required: float | None
    years_shown: float | None
    job_evidence: Evidence | None
    resume_evidence: Evidence | None
    taxonomy_uri: str
    weak: bool
    linked: bool


@dataclass(frozen=True, slots=True)
class Figure(Mirror):
    """A number in what the candidate says to have achieved, and what it counts."""

    pb: ClassVar[type[Message]] = interview_pb2.Figure
    text: str
    start: int
    end: int
    unit: str


@dataclass(frozen=True, slots=True)
class Features(Mirror):
    """What was read out of the two documents."""

    pb: ClassVar[type[Message]] = interview_pb2.Features
    job_title: str
    job_skills: tuple[Skill, ...]
    other_skills: tuple[Skill, ...]
    years_required: float | None
    years_shown: float | None
    duties: tuple[Evidence, ...]
    achievements: tuple[Evidence, ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Extraction(Mirror):
    """The features, and the documents' texts if they were asked for."""

    pb: ClassVar[type[Message]] = interview_pb2.ExtractFeaturesResponse
    request_id: str
    features: Features
    job_text: str
    resume_text: str


@dataclass(frozen=True, slots=True)
class PlanItem(Mirror):
    """One planned question: what is probed, and why."""

    pb: ClassVar[type[Message]] = interview_pb2.PlanItem
    id: str
    slot: Slot
    type: QuestionType
    competency: str
    relation: Relation
    reason: str
    job_evidence: Evidence | None
    resume_evidence: Evidence | None
    minutes: int
    difficulty: int


@dataclass(frozen=True, slots=True)
class Plan(Mirror):
    """What will be asked about, in order."""

    pb: ClassVar[type[Message]] = interview_pb2.Plan
    items: tuple[PlanItem, ...]


@dataclass(frozen=True, slots=True)
class Anchor(Mirror):
    """What an answer sounds like that deserves ``rating``, 1 to 5."""

    pb: ClassVar[type[Message]] = interview_pb2.Anchor
    rating: int
    text: str


@dataclass(frozen=True, slots=True)
class FollowUp(Mirror):
    """What to ask next after an answer of this kind."""

    pb: ClassVar[type[Message]] = interview_pb2.FollowUp
    trigger: Trigger
    text: str


@dataclass(frozen=True, slots=True)
class GuardVerdict(Mirror):
    """Whether a question may be asked, and by whose law; ``check_question`` tells why."""

    pb: ClassVar[type[Message]] = interview_pb2.GuardVerdict
    allowed: bool
    category: str
    rule: Rule
    jurisdictions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question(Mirror):
    """One finished question. ``Question.from_dict`` reads one back from saved JSON."""

    pb: ClassVar[type[Message]] = interview_pb2.Question
    id: str
    text: str
    slot: Slot
    type: QuestionType
    competency: str
    relation: Relation
    source: Source
    job_evidence: Evidence | None
    resume_evidence: Evidence | None
    finished_s: float
    attempts: int
    difficulty: int
    minutes: int
    anchors: tuple[Anchor, ...]
    covers: tuple[str, ...]
    red_flags: tuple[str, ...]
    follow_ups: tuple[FollowUp, ...]
    model: str
    prompt_version: str
    guard: GuardVerdict | None
    scores: Mapping[str, float]
    taxonomy_uri: str


@dataclass(frozen=True, slots=True)
class Summary(Mirror):
    """How the whole request went."""

    pb: ClassVar[type[Message]] = interview_pb2.Summary
    model_questions: int
    bank_questions: int
    given_questions: int
    plan_s: float
    write_s: float
    first_question_s: float
    new_tokens: int
    refused: Mapping[str, int]
    minutes: int


@dataclass(frozen=True, slots=True)
class QuestionSet(Mirror):
    """The plan, its questions in the plan's order, and the summary."""

    pb: ClassVar[type[Message]] = interview_pb2.GenerateQuestionsResponse
    request_id: str
    model: str
    plan: Plan
    questions: tuple[Question, ...]
    summary: Summary
    job_text: str
    resume_text: str


@dataclass(frozen=True, slots=True)
class StreamPlan(Mirror):
    """Opens a question stream: the plan, before anything is written."""

    pb: ClassVar[type[Message]] = interview_pb2.StreamPlan
    request_id: str
    model: str
    plan: Plan
    job_text: str
    resume_text: str


@dataclass(frozen=True, slots=True)
class QuestionCheck(Mirror):
    """Whether a question may be asked, and what to ask instead."""

    pb: ClassVar[type[Message]] = interview_pb2.CheckQuestionResponse
    request_id: str
    allowed: bool
    category: str
    category_name: str
    rule: Rule
    reason: str
    rewrite: str
    jurisdictions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FollowUpSuggestion(Mirror):
    """What to ask next, and what the answer was like that calls for it."""

    pb: ClassVar[type[Message]] = interview_pb2.SuggestFollowUpResponse
    request_id: str
    model: str
    trigger: Trigger
    text: str
    source: Source
    guard: GuardVerdict | None
    refused: Mapping[str, int]
    prompt_version: str


# A question stream holds one StreamPlan, each Question when it is finished, and the Summary.
QuestionEvent = StreamPlan | Question | Summary
