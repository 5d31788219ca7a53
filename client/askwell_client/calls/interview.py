"""Calls of ``askwell.v1.InterviewService``."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from askwell.v1 import interview_pb2 as pb

from askwell_client.call import Call, event_from_pb, request_id_of
from askwell_client.document import DocumentLike, document_to_pb
from askwell_client.interview import (
    Extraction,
    FollowUpSuggestion,
    Question,
    QuestionCheck,
    QuestionEvent,
    QuestionSet,
    StreamPlan,
    Summary,
)
from askwell_client.mirror import Mirror
from askwell_client.option import (
    FollowUpOptions,
    QuestionOptions,
    SamplingOptions,
    options_to_pb,
    refuse_unknown,
)

_SERVICE = "/askwell.v1.InterviewService/"
_EVENTS: dict[str, type[Mirror]] = {"plan": StreamPlan, "question": Question, "summary": Summary}


def questions(
    job: DocumentLike, resume: DocumentLike | None, options: Mapping[str, Any]
) -> Call[QuestionSet]:
    request = _request(job, resume, options)
    return Call(
        _SERVICE + "GenerateQuestions",
        request,
        pb.GenerateQuestionsResponse,
        QuestionSet.from_pb,
        options.get("timeout_s"),
        request.request_id,
    )


def stream_questions(
    job: DocumentLike, resume: DocumentLike | None, options: Mapping[str, Any]
) -> Call[QuestionEvent]:
    request = _request(job, resume, options)
    return Call(
        _SERVICE + "StreamQuestions",
        request,
        pb.StreamQuestionsResponse,
        lambda message: event_from_pb(message, _EVENTS),
        options.get("timeout_s"),
        request.request_id,
    )


def features(
    job: DocumentLike, resume: DocumentLike | None, include_text: bool, timeout_s: float | None
) -> Call[Extraction]:
    request = pb.ExtractFeaturesRequest(
        request_id=request_id_of({}),
        job=document_to_pb(job, "job"),
        resume=None if resume is None else document_to_pb(resume, "resume"),
        include_text=include_text,
    )
    return Call(
        _SERVICE + "ExtractFeatures",
        request,
        pb.ExtractFeaturesResponse,
        Extraction.from_pb,
        timeout_s,
        request.request_id,
    )


def check_question(text: str, jurisdictions: Iterable[str], timeout_s: float | None) -> Call[QuestionCheck]:
    request = pb.CheckQuestionRequest(request_id=request_id_of({}), text=text, jurisdictions=jurisdictions)
    return Call(
        _SERVICE + "CheckQuestion",
        request,
        pb.CheckQuestionResponse,
        QuestionCheck.from_pb,
        timeout_s,
        request.request_id,
    )


def follow_up(question: Question | str, answer: str, options: Mapping[str, Any]) -> Call[FollowUpSuggestion]:
    refuse_unknown(options, FollowUpOptions)
    request = pb.SuggestFollowUpRequest(request_id=request_id_of(options), model=options.get("model", ""))
    if isinstance(question, Question):
        request.question.CopyFrom(cast(pb.Question, question.to_pb()))
    else:
        options_to_pb(request.question, {"text": question}, ["text"], "question.")
    options_to_pb(request.question, options, ["competency"], "question.")
    options_to_pb(request, {"answer": answer}, ["answer"])
    options_to_pb(request, options, ["max_new_tokens", "num_return", "priority", "tenant", "jurisdictions"])
    options_to_pb(request.sampling, options, SamplingOptions.__annotations__, "sampling.")
    return Call(
        _SERVICE + "SuggestFollowUp",
        request,
        pb.SuggestFollowUpResponse,
        FollowUpSuggestion.from_pb,
        options.get("timeout_s"),
        request.request_id,
    )


def _request(
    job: DocumentLike, resume: DocumentLike | None, options: Mapping[str, Any]
) -> pb.GenerateQuestionsRequest:
    refuse_unknown(options, QuestionOptions)
    request = pb.GenerateQuestionsRequest(
        request_id=request_id_of(options),
        model=options.get("model", ""),
        job=document_to_pb(job, "job"),
        resume=None if resume is None else document_to_pb(resume, "resume"),
        core_questions=[question.to_pb() for question in options.get("core_questions", ())],
    )
    asked = ["count", "mode", "minutes", "jurisdictions", "include_text"]
    options_to_pb(request, options, [*asked, "max_new_tokens", "num_return", "priority", "tenant"])
    options_to_pb(request.sampling, options, SamplingOptions.__annotations__, "sampling.")
    return request
