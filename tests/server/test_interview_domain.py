"""InterviewService with the real domain in a real worker, over an engine that writes nothing usable."""

import grpc
import pytest
from askwell.v1 import interview_pb2 as ipb
from askwell_server.domain.pool import DomainPool
from fake_engine import FakeEngine, Script

JOB = """# Head Chef
## Requirements
- At least 5 years of experience in a kitchen
- Menu development and recipe costing
- HACCP and allergen management
## What you will do
- Lead a team of eight cooks
- Negotiate with suppliers
"""
RESUME = """Maria Example
maria@example.org, +44 20 7946 0000
Experience
Sous chef, The Anchor, 2018 - 2023
- Developed a seasonal menu and cut food waste by a fifth
- Ran stock control and recipe costing
"""


@pytest.fixture
def request_() -> ipb.GenerateQuestionsRequest:
    job, resume = ipb.Document(text=JOB), ipb.Document(content=RESUME.encode())
    return ipb.GenerateQuestionsRequest(job=job, resume=resume, count=4, include_text=True)


@pytest.fixture
async def pool():
    pool = DomainPool(1)
    await pool.start()
    yield pool
    await pool.close()


async def test_every_planned_item_ends_with_a_question_that_quotes_its_evidence(serve, pool, request_):
    server = await serve(FakeEngine(lambda row: Script(("",))), pool)
    response = await server.interview.GenerateQuestions(request_)
    assert [q.id for q in response.questions] == [item.id for item in response.plan.items]
    assert {q.source for q in response.questions} == {ipb.Question.BANK}
    assert sum(response.summary.refused.values()) == 40 and response.summary.bank_questions == 4
    evidence = 0
    for question in response.questions:
        for text, quoted in (
            (response.job_text, question.job_evidence),
            (response.resume_text, question.resume_evidence),
        ):
            assert text[quoted.start : quoted.end] == quoted.quote
            evidence += bool(quoted.quote)
        assert "maria" not in str(question).lower()
    assert evidence >= 4


async def test_bank_needs_no_resume_and_brings_the_professions_own_questions(serve, pool):
    server = await serve(FakeEngine(lambda row: Script(("",))), pool)
    request = ipb.GenerateQuestionsRequest(job=ipb.Document(text=JOB), mode=ipb.MODE_BANK, minutes=30)
    response = await server.interview.GenerateQuestions(request)
    questions = response.questions
    assert [q.id for q in questions] == [item.id for item in response.plan.items]
    assert {q.slot for q in questions} == {ipb.Question.CORE}
    assert sum(q.minutes for q in questions) <= response.summary.minutes <= 30
    standing = [q for q in questions if not q.attempts]
    assert standing and {(q.source, q.model) for q in standing} == {(ipb.Question.BANK, "")}
    assert response.summary.bank_questions == len(questions)


async def test_features_are_read_without_a_model(serve, pool):
    server = await serve(FakeEngine(ready=False), pool)
    request = ipb.ExtractFeaturesRequest(job=ipb.Document(text=JOB))
    response = await server.interview.ExtractFeatures(request)
    assert response.features.job_skills and not response.resume_text and response.request_id


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"%PDF-1.7 x", "PDF"),
        (b"PK\x03\x04 x", "DOCX"),
        (b"caf\xe9", "not UTF-8"),
        (b"  \n", "no text"),
    ],
)
async def test_unreadable_document_is_refused_by_its_field(serve, failure_of, pool, content, told):
    server = await serve(pool=pool)
    request = ipb.ExtractFeaturesRequest(job=ipb.Document(text=JOB), resume=ipb.Document(content=content))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.interview.ExtractFeatures(request)
    failure = failure_of(caught.value)
    assert failure.code == "INVALID_ARGUMENT" and told in failure.fields["resume"]


async def test_question_is_checked_without_a_model_by_the_law_that_counts(serve, pool):
    server = await serve(FakeEngine(ready=False), pool)
    check = server.interview.CheckQuestion
    refused = await check(ipb.CheckQuestionRequest(request_id="r", text="Is your hukou rural or urban?"))
    assert (refused.request_id, refused.allowed, refused.category) == ("r", False, "hukou")
    assert refused.rule == ipb.CheckQuestionResponse.PATTERN and refused.reason and refused.jurisdictions
    there = await check(ipb.CheckQuestionRequest(text="Is your hukou rural?", jurisdictions=["US", "EU"]))
    assert (there.allowed, there.category) == (True, "hukou")


async def test_question_to_check_is_refused_by_its_field(serve, failure_of, pool):
    server = await serve(FakeEngine(ready=False), pool)
    for request, field in (
        (ipb.CheckQuestionRequest(text=" "), "text"),
        (ipb.CheckQuestionRequest(text="x" * 501), "text"),
        (ipb.CheckQuestionRequest(text="Why?", jurisdictions=["US", "FR"]), "jurisdictions[1]"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await server.interview.CheckQuestion(request)
        failure = failure_of(caught.value)
        assert (failure.code, list(failure.fields)) == ("INVALID_ARGUMENT", [field])
