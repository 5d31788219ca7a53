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


async def test_plan_tells_the_minutes_and_difficulty_that_it_was_chosen_by(serve, pool, request_):
    server = await serve(FakeEngine(lambda row: Script(("",))), pool)
    response = await server.interview.GenerateQuestions(request_)
    items = response.plan.items
    assert sum(item.minutes for item in items) == response.summary.minutes
    assert all(item.minutes and 1 <= item.difficulty <= 5 for item in items)
    assert [item.difficulty for item in items if item.slot == ipb.Question.PROBE] == sorted(
        item.difficulty for item in items if item.slot == ipb.Question.PROBE
    )


async def test_core_that_may_be_asked_there_is_taken_and_its_law_told(serve, failure_of, pool, request_):
    server = await serve(FakeEngine(lambda row: Script(("",))), pool)
    quote = "Negotiate with suppliers"
    given = ipb.Question(
        text="Is your hukou rural?", job_evidence=ipb.Evidence(quote=quote, start=4_000_000_000)
    )
    request_.core_questions.extend([ipb.Question(text="Why us?"), given])
    request_.jurisdictions.append("UK")
    response = await server.interview.GenerateQuestions(request_)
    assert {tuple(question.guard.jurisdictions) for question in response.questions} == {("UK",)}
    asked = response.questions[1]
    assert (asked.text, asked.guard.allowed, asked.guard.category) == (given.text, True, "hukou")
    found = asked.job_evidence
    assert found.quote == quote == response.job_text[found.start : found.end]
    request_.jurisdictions.append("CN")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.interview.GenerateQuestions(request_)
    told = failure_of(caught.value).fields["core_questions[1].text"]
    assert told.startswith("must not be asked (Household registration (hukou); CN): ")


async def test_budget_that_is_too_small_is_to_blame_and_not_the_core(serve, failure_of, pool, request_):
    server = await serve(FakeEngine(lambda row: Script(("",))), pool)
    request_.minutes = 5
    request_.core_questions.append(ipb.Question(text="Why us?", minutes=9))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.interview.GenerateQuestions(request_)
    assert failure_of(caught.value).fields == {
        "minutes": "the core questions take 9 minutes; the budget is 5"
    }


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
