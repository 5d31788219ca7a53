"""InterviewService: documents in, questions out."""
# ruff: noqa: N802 - methods bear the names of their RPCs

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from askwell.v1 import interview_pb2 as pb
from askwell.v1 import interview_pb2_grpc as pb_grpc
from askwell_interview import Mode

from ..domain.pool import DomainPool
from ..domain.task import CheckQuestion, ExtractFeatures, Opened, OpenInterview
from .follow_up import answer_from_pb, suggest, suggestion_to_pb
from .interview_pb import core_from_pb, document_from_pb, features_to_pb, plan_to_pb, question_to_pb
from .interview_run import Asked, Finished, InterviewRun, Summary
from .row_pb import deadline_from_context
from .served import Served, Serving
from .validate import QUESTION_COUNT, QUESTION_MINUTES, QUESTION_NUM_RETURN, Checks
from .verdict_pb import checked_from_pb, jurisdictions_from_pb, verdict_to_pb
from .writing import writing_from_pb


class InterviewService(pb_grpc.InterviewServiceServicer):
    """Serves one model at a time and a pool of domain workers."""

    def __init__(self, serving: Serving, pool: DomainPool) -> None:
        self._serving = serving
        self._pool = pool

    async def ExtractFeatures(
        self, request: pb.ExtractFeaturesRequest, context: Any
    ) -> pb.ExtractFeaturesResponse:
        checks = Checks()
        checks.request_id(request.request_id)
        checks.document(request.job, "job", required=True)
        checks.document(request.resume, "resume", required=False)
        checks.done()
        job = document_from_pb(request.job, "job")
        given = request.resume.WhichOneof("source") is not None
        resume = document_from_pb(request.resume, "resume") if given else None
        extracted = await self._pool.run(ExtractFeatures(job, resume))
        return pb.ExtractFeaturesResponse(
            request_id=request.request_id,
            features=features_to_pb(extracted.features),
            job_text=extracted.job_text if request.include_text else "",
            resume_text=extracted.resume_text if request.include_text else "",
        )

    async def CheckQuestion(self, request: pb.CheckQuestionRequest, context: Any) -> pb.CheckQuestionResponse:
        checks = Checks()
        checks.request_id(request.request_id)
        text, jurisdictions = checked_from_pb(request, checks)
        checks.done()
        verdict = await self._pool.run(CheckQuestion(text, jurisdictions))
        return verdict_to_pb(request.request_id, verdict)

    async def SuggestFollowUp(
        self, request: pb.SuggestFollowUpRequest, context: Any
    ) -> pb.SuggestFollowUpResponse:
        with self._serving.lease() as served:
            answered = answer_from_pb(request, served, deadline_from_context(context))
            suggestion, refused = await suggest(answered, served, self._pool)
            return suggestion_to_pb(request.request_id, served.name, suggestion, refused)

    async def GenerateQuestions(
        self, request: pb.GenerateQuestionsRequest, context: Any
    ) -> pb.GenerateQuestionsResponse:
        response = pb.GenerateQuestionsResponse()
        async with aclosing(self.StreamQuestions(request, context)) as events:
            async for event in events:
                match event.WhichOneof("event"):
                    case "plan":
                        for name in ("request_id", "model", "job_text", "resume_text"):
                            setattr(response, name, getattr(event.plan, name))
                        response.plan.CopyFrom(event.plan.plan)
                    case "question":
                        response.questions.append(event.question)
                    case "summary":
                        response.summary.CopyFrom(event.summary)
        order = {item.id: place for place, item in enumerate(response.plan.items)}
        response.questions.sort(key=lambda question: order.get(question.id, len(order)))
        return response

    async def StreamQuestions(
        self, request: pb.GenerateQuestionsRequest, context: Any
    ) -> AsyncGenerator[pb.StreamQuestionsResponse, None]:
        with self._serving.lease() as served:
            asked = self._asked(request, served, deadline_from_context(context))
            async with aclosing(InterviewRun(served, self._pool, asked).events()) as events:
                async for event in events:
                    match event:
                        case Opened():
                            yield _plan_to_pb(request, served, event)
                        case Finished(question, finished_s):
                            yield pb.StreamQuestionsResponse(question=question_to_pb(question, finished_s))
                        case Summary():
                            yield pb.StreamQuestionsResponse(summary=_summary_to_pb(event))

    def _asked(self, request: pb.GenerateQuestionsRequest, served: Served, deadline_s: float | None) -> Asked:
        """Raises ModelNotFound, InvalidRequest with every violation, or NotSupported."""
        served.answer_to(request.model)
        checks = Checks()
        checks.document(request.job, "job", required=True)
        bank = request.mode == pb.MODE_BANK
        checks.document(request.resume, "resume", required=not bank)
        checks.known(request, "mode")
        minutes = int(checks.scalar(request, QUESTION_MINUTES)) if request.HasField("minutes") else None
        count = int(checks.scalar(request, QUESTION_COUNT))
        core = core_from_pb(request.core_questions, count, checks)
        jurisdictions = jurisdictions_from_pb(request, checks)
        writing = writing_from_pb(request, served, checks, QUESTION_NUM_RETURN, deadline_s)
        return Asked(
            interview=OpenInterview(
                job=document_from_pb(request.job, "job"),
                resume=None if bank else document_from_pb(request.resume, "resume"),
                count=count,
                core=core,
                style=served.manifest.prompt_style,
                mode=Mode(request.mode or pb.MODE_STRUCTURED),
                minutes=minutes,
                jurisdictions=jurisdictions,
            ),
            writing=writing,
        )


def _plan_to_pb(
    request: pb.GenerateQuestionsRequest, served: Served, opened: Opened
) -> pb.StreamQuestionsResponse:
    return pb.StreamQuestionsResponse(
        plan=pb.StreamPlan(
            request_id=request.request_id,
            model=served.name,
            plan=plan_to_pb(opened.interview.plan),
            job_text=opened.job_text if request.include_text else "",
            resume_text=opened.resume_text if request.include_text else "",
        )
    )


def _summary_to_pb(summary: Summary) -> pb.Summary:
    return pb.Summary(
        model_questions=summary.model_questions,
        bank_questions=summary.bank_questions,
        given_questions=summary.given_questions,
        plan_s=summary.plan_s,
        write_s=summary.write_s,
        first_question_s=summary.first_question_s,
        new_tokens=summary.new_tokens,
        refused=summary.refused,
        minutes=summary.minutes,
    )
