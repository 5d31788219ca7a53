"""Interview messages to the domain's nouns and back. Enums share names and numbers on both sides."""

from collections.abc import Sequence

from askwell.v1 import interview_pb2 as pb
from askwell_interview import (
    Evidence,
    Features,
    MediaType,
    Plan,
    PlanItem,
    Question,
    QuestionType,
    Relation,
    Skill,
    Slot,
    Source,
)

from ..domain.task import RawDocument, Which
from .request_id import is_printable
from .rubric_pb import TEXT_LIMIT, rubric_from_pb, rubric_to_pb
from .validate import Checks
from .verdict_pb import guard_to_pb

# Characters of what a caller gives back.
ID_LIMIT, COMPETENCY_LIMIT = 64, 200

SLOTS = {slot: pb.Question.Slot.Value(slot.name) for slot in Slot}
TYPES = {type: pb.Question.Type.Value(type.name) for type in QuestionType}
RELATIONS = {relation: pb.Question.Relation.Value(relation.name) for relation in Relation}
SOURCES = {source: pb.Question.Source.Value(source.name) for source in Source}


def document_from_pb(message: pb.Document, which: Which) -> RawDocument:
    """An already checked document."""
    body = message.text if message.WhichOneof("source") == "text" else message.content
    return RawDocument(which, body, MediaType(message.media_type) if message.media_type else None)


def core_from_pb(messages: Sequence[pb.Question], count: int, checks: Checks) -> tuple[Question, ...]:
    """The core questions that the caller gives back, word for word."""
    if len(messages) > count:
        checks.refuse("core_questions", f"{len(messages)} given; at most count, which is {count}")
    return tuple(
        question
        for index, message in enumerate(messages)
        if (question := _core_question(message, f"core_questions[{index}].", checks))
    )


def _core_question(message: pb.Question, path: str, checks: Checks) -> Question | None:
    enums = [checks.known(message, name, path) for name in ("slot", "type", "relation", "source")]
    if not message.text.strip():
        checks.refuse(path + "text", "must not be empty")
    if message.slot == pb.Question.PROBE:
        checks.refuse(path + "slot", "must be CORE: a probe is made for one candidate")
    if not is_printable(message.id, ID_LIMIT):
        checks.refuse(path + "id", f"must be at most {ID_LIMIT} printable ASCII characters")
    _check_competency(message, path, checks)
    rubric = rubric_from_pb(message, path, checks)
    for name in ("model", "prompt_version", "taxonomy_uri"):
        if len(getattr(message, name)) > TEXT_LIMIT:
            checks.refuse(path + name, f"must have at most {TEXT_LIMIT} characters")
    if not all(enums) or not message.text.strip():
        return None
    return Question(
        id=message.id,
        text=message.text,
        slot=Slot.CORE,
        type=QuestionType(message.type),
        competency=message.competency,
        relation=Relation(message.relation),
        source=Source(message.source),
        job_evidence=_evidence_from_pb(message.job_evidence) if message.HasField("job_evidence") else None,
        rubric=rubric,
        model=message.model,
        prompt_version=message.prompt_version,
        taxonomy_uri=message.taxonomy_uri,
    )


def answered_from_pb(message: pb.Question, checks: Checks) -> Question:
    """The question that somebody answered, whoever worded it."""
    path = "question."
    known = [checks.known(message, name, path) for name in ("type", "relation")]
    if not message.text.strip():
        checks.refuse(path + "text", "must not be empty")
    if len(message.text) > TEXT_LIMIT:
        checks.refuse(path + "text", f"must have at most {TEXT_LIMIT} characters")
    _check_competency(message, path, checks)
    return Question(
        id="",
        text=message.text,
        type=QuestionType(message.type) if known[0] else QuestionType.TYPE_UNSPECIFIED,
        competency=message.competency,
        relation=Relation(message.relation) if known[1] else Relation.RELATION_UNSPECIFIED,
        rubric=rubric_from_pb(message, path, checks),
    )


def _check_competency(message: pb.Question, path: str, checks: Checks) -> None:
    if len(message.competency) > COMPETENCY_LIMIT:
        checks.refuse(path + "competency", f"must have at most {COMPETENCY_LIMIT} characters")


def _evidence_from_pb(message: pb.Evidence) -> Evidence:
    return Evidence(message.quote, message.start, message.end)


def evidence_to_pb(evidence: Evidence) -> pb.Evidence:
    return pb.Evidence(quote=evidence.quote, start=evidence.start, end=evidence.end)


def _maybe(evidence: Evidence | None) -> pb.Evidence | None:
    return evidence_to_pb(evidence) if evidence else None


def question_to_pb(question: Question, finished_s: float) -> pb.Question:
    return pb.Question(
        id=question.id,
        text=question.text,
        slot=SLOTS[question.slot],
        type=TYPES[question.type],
        competency=question.competency,
        relation=RELATIONS[question.relation],
        source=SOURCES[question.source],
        job_evidence=_maybe(question.job_evidence),
        resume_evidence=_maybe(question.resume_evidence),
        finished_s=finished_s,
        attempts=question.attempts,
        model=question.model,
        prompt_version=question.prompt_version,
        taxonomy_uri=question.taxonomy_uri,
        guard=guard_to_pb(question.guard) if question.guard else None,
        scores=question.scores,
        **rubric_to_pb(question.rubric),
    )


def plan_to_pb(plan: Plan) -> pb.Plan:
    return pb.Plan(items=[_item_to_pb(item) for item in plan.items])


def _item_to_pb(item: PlanItem) -> pb.PlanItem:
    return pb.PlanItem(
        id=item.id,
        slot=SLOTS[item.slot],
        type=TYPES[item.type],
        competency=item.competency,
        relation=RELATIONS[item.relation],
        reason=item.reason,
        job_evidence=_maybe(item.job_evidence),
        resume_evidence=_maybe(item.resume_evidence),
        minutes=item.minutes,
        difficulty=item.difficulty,
    )


def features_to_pb(features: Features) -> pb.Features:
    return pb.Features(
        job_title=features.job_title,
        job_skills=[_skill_to_pb(skill) for skill in features.job_skills],
        other_skills=[_skill_to_pb(skill) for skill in features.other_skills],
        years_required=features.years_required,
        years_shown=features.years_shown,
        duties=[evidence_to_pb(duty) for duty in features.duties],
        achievements=[evidence_to_pb(achievement) for achievement in features.achievements],
        figures=[pb.Figure(text=f.text, start=f.start, end=f.end, unit=f.unit) for f in features.figures],
    )


def _skill_to_pb(skill: Skill) -> pb.Skill:
    return pb.Skill(
        name=skill.name,
        required=skill.required,
        years_required=skill.years_required,
        years_shown=skill.years_shown,
        job_evidence=_maybe(skill.job_evidence),
        resume_evidence=_maybe(skill.resume_evidence),
        taxonomy_uri=skill.taxonomy_uri,
        weak=skill.weak,
        linked=skill.linked,
    )
