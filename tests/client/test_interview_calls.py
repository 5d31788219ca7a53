"""What interview calls send, and what they make of the answers."""

from pathlib import Path

import pytest
from askwell.v1 import generation_pb2
from askwell.v1 import interview_pb2 as pb
from askwell_client import (
    Document,
    Evidence,
    InvalidRequestError,
    MediaType,
    Question,
    QuestionSet,
    QuestionType,
    Relation,
    Slot,
    Source,
    StreamPlan,
    Summary,
)
from client.conftest import Caller
from client.fake_server import FakeServer

from client import interview_script as script


def test_questions_come_back_typed_and_in_order(call: Caller, server: FakeServer) -> None:
    server.will("GenerateQuestions", script.ANSWER)
    result = call("questions", script.JOB, script.RESUME, count=3)
    assert isinstance(result, QuestionSet)
    assert [question.id for question in result.questions] == ["core-1", "probe-1", "probe-2"]
    first, claim, gap = result.questions
    assert (first.slot, first.type, first.relation) == (Slot.CORE, QuestionType.BEHAVIOURAL, Relation.JOB)
    assert claim.resume_evidence == Evidence("Ran the on-call rota", 0, 20)
    assert (gap.source, gap.resume_evidence) == (Source.BANK, None)
    assert result.summary.refused == {"one_question": 2, "evidence": 1}


def test_json_has_the_protos_names_and_drops_no_zero(call: Caller, server: FakeServer) -> None:
    server.will("GenerateQuestions", script.ANSWER)
    printed = call("questions", script.JOB, script.RESUME).to_dict()
    _, claim, gap = printed["questions"]
    assert claim["resume_evidence"] == {"quote": "Ran the on-call rota", "start": 0, "end": 20}
    assert (gap["source"], gap["relation"], gap["type"]) == ("BANK", "GAP", "SITUATIONAL")
    assert "resume_evidence" not in gap
    bare = Question.from_pb(pb.Question()).to_dict()
    assert (bare["text"], bare["source"], bare["finished_s"]) == ("", "SOURCE_UNSPECIFIED", 0)


def test_a_question_stream_gives_plan_questions_and_summary(call: Caller, server: FakeServer) -> None:
    server.will("StreamQuestions", script.EVENTS)
    events = call("stream_questions", script.JOB, script.RESUME)
    assert [type(event) for event in events] == [StreamPlan, Question, Question, Question, Summary]
    assert events[0].plan.items[1].relation is Relation.UNVERIFIED_CLAIM


def test_a_str_is_text_and_a_path_is_a_file(call: Caller, server: FakeServer, tmp_path: Path) -> None:
    file = tmp_path / "resume.pdf"
    file.write_bytes(b"%PDF-1.7 \xff")
    server.will("GenerateQuestions", script.ANSWER, script.ANSWER)
    call("questions", "job.md", file)
    call("questions", b"bytes", Document("typed", MediaType.TEXT))
    first, second = (arrival.request for arrival in server.calls)
    assert (first.job, first.resume) == (pb.Document(text="job.md"), pb.Document(content=b"%PDF-1.7 \xff"))
    assert second.job == pb.Document(content=b"bytes")
    assert second.resume == pb.Document(text="typed", media_type=pb.MEDIA_TYPE_TEXT)


def test_a_core_is_sent_back_word_for_word(call: Caller, server: FakeServer) -> None:
    server.will("GenerateQuestions", script.ANSWER, script.ANSWER)
    core = [each for each in call("questions", "a", "b").questions if each.slot is Slot.CORE]
    call(
        "questions",
        "a",
        "b",
        core_questions=core,
        temperature=0.5,
        max_new_tokens=40,
        num_return=3,
        priority="batch",
        tenant="hr",
    )
    request = server.calls[1].request
    assert list(request.core_questions) == script.QUESTIONS[:1]
    assert request.sampling == generation_pb2.Sampling(temperature=0.5)
    assert (request.max_new_tokens, request.num_return) == (40, 3)
    assert (request.priority, request.tenant) == (generation_pb2.PRIORITY_BATCH, "hr")


def test_features_may_be_asked_without_a_resume(call: Caller, server: FakeServer) -> None:
    skill = pb.Skill(name="Kubernetes", required=True, years_required=2.5, job_evidence=script.KUBERNETES)
    server.will("ExtractFeatures", pb.ExtractFeaturesResponse(features=pb.Features(job_skills=[skill])))
    result = call("features", script.JOB, include_text=True)
    assert not server.calls[0].request.HasField("resume")
    (kubernetes,) = result.features.job_skills
    assert (kubernetes.required, kubernetes.years_required, kubernetes.years_shown) == (True, 2.5, None)


@pytest.mark.parametrize("large", ["é" * 2_200_000, b"x" * (4 * 2**20 + 1)], ids=["text", "bytes"])
def test_a_document_past_the_limit_is_refused_before_sending(
    call: Caller, server: FakeServer, large: str | bytes
) -> None:
    with pytest.raises(InvalidRequestError, match=r"^resume: larger than 4 MiB") as caught:
        call("questions", "job", large)
    assert [violation.field for violation in caught.value.violations] == ["resume"]
    assert server.calls == []


def test_from_dict_refuses_what_is_no_question() -> None:
    for wrong in ({"text": 3}, {"texts": "a"}, {"source": "NOBODY"}, [], "text"):
        with pytest.raises(ValueError, match="not a Question"):
            Question.from_dict(wrong)  # type: ignore[arg-type]
