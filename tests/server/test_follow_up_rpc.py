"""SuggestFollowUp with the real domain in a real worker, over a scripted engine."""

import asyncio
import logging

import grpc
import pytest
from askwell.v1 import generation_pb2 as pb
from askwell.v1 import interview_pb2 as ipb
from askwell_server.domain.pool import DomainPool
from askwell_server.engine.row import Priority
from askwell_server.errors import Unavailable
from fake_engine import FakeEngine, Script

QUESTION = ipb.Question(
    text="Tell me about a time when stock planning was difficult because of a supplier.",
    type=ipb.Question.BEHAVIOURAL,
    competency="stock planning",
    follow_ups=[ipb.FollowUp(trigger=ipb.FollowUp.NO_RESULT, text="How did it end, then?")],
)
SECRETS = ("Okonedo", "maureen", "7946", "Quillmoor")
ANSWER = (
    "Last spring our supplier cancelled a delivery. I rang Maureen Okonedo on +44 20 7946 0991, wrote to "
    "maureen.o@example.org and drove to 12 Quillmoor Lane. I compared the prices of four wholesalers."
)
MODEL, BANK = ipb.Question.MODEL, ipb.Question.BANK


@pytest.fixture
async def pool():
    pool = DomainPool(1)
    await pool.start()
    yield pool
    await pool.close()


def asks(**fields):
    return ipb.SuggestFollowUpRequest(**{"question": QUESTION, "answer": ANSWER} | fields)


def opening_of(row):
    return bytes(id for id in row.prompt if id < 256).decode().rpartition("\n")[2]


def takes_it_up(row):
    """Whatever the opening was, this goes on from it, and takes up the answer."""
    past = {"What changed after you": " rang the supplier", "What came of it when you": " rang the supplier"}
    return Script((past.get(opening_of(row), " the supplier cancelled") + " about the cancelled delivery?",))


async def test_model_is_asked_about_the_answer_and_the_text_that_passes_comes_back(serve, pool):
    server = await serve(FakeEngine(takes_it_up), pool)
    response = await server.interview.SuggestFollowUp(
        asks(request_id="r", tenant="hr", priority=pb.PRIORITY_BATCH)
    )
    assert (response.request_id, response.model, response.source) == ("r", "fake", MODEL)
    assert len(response.prompt_version) == 8 and list(response.guard.jurisdictions) == [
        "US",
        "UK",
        "EU",
        "CN",
    ]
    assert response.trigger == ipb.FollowUp.NO_RESULT and "cancelled delivery" in response.text
    assert response.guard.allowed and response.guard.rule == ipb.CheckQuestionResponse.PATTERN
    rows = [stream.row for stream in server.engine.streams]
    assert len(rows) == 3 and {(row.tenant, row.priority) for row in rows} == {("hr", Priority.BATCH)}


async def test_the_questions_own_follow_up_is_asked_after_two_rounds_that_do_not_pass(serve, pool):
    server = await serve(FakeEngine(lambda row: Script((" it?",))), pool)
    response = await server.interview.SuggestFollowUp(asks())
    assert (response.text, response.source) == ("How did it end, then?", BANK)
    assert (response.model, response.prompt_version) == ("", "")
    assert server.engine.submits == [3, 6] and sum(response.refused.values()) == 9


async def test_engine_that_dies_or_hangs_leaves_it_to_the_written_one(serve, pool):
    for script in (Script(error=Unavailable("it died")), Script(held=asyncio.Event())):
        server = await serve(FakeEngine(lambda row, script=script: script), pool)
        response = await server.interview.SuggestFollowUp(asks(), timeout=2)
        assert response.source == BANK and response.text


async def test_answer_gives_away_nobody_whatever_the_model_writes(serve, failure_of, pool, caplog):
    leaky = iter((" spoke with Okonedo about the delivery?", " wrote to maureen.o@example.org?") * 6)
    server = await serve(FakeEngine(lambda row: Script((next(leaky),))), pool)
    with caplog.at_level(logging.DEBUG):
        response = await server.interview.SuggestFollowUp(asks())
        told = [
            str(response),
            repr([bytes(i for i in s.row.prompt if i < 256) for s in server.engine.streams]),
        ]
        for wrong in (
            {"answer": f"{ANSWER} " * 30},
            {"answer": "Ich habe Frau Okonedo unter 7946 angerufen, maureen.o war nicht da, Quillmoor auch."},
            {"num_return": 0},
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await server.interview.SuggestFollowUp(asks(**wrong))
            told.append(repr(failure_of(caught.value)))
    assert response.source == BANK
    for secret in SECRETS:
        assert secret.casefold() not in (caplog.text + "".join(told)).casefold()


async def test_question_is_followed_up_by_the_law_that_counts(serve, failure_of, pool):
    server = await serve(FakeEngine(lambda row: Script((" it?",))), pool)
    hukou = {"question": ipb.Question(text="Is your hukou rural or urban?")}
    response = await server.interview.SuggestFollowUp(asks(**hukou, jurisdictions=["US"]))
    assert response.text and list(response.guard.jurisdictions) == ["US"]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.interview.SuggestFollowUp(asks(**hukou, jurisdictions=["US", "CN"]))
    told = failure_of(caught.value).fields["question.text"]
    assert told.startswith("must not be asked (Household registration (hukou); CN): ")


BAD = [
    ({"answer": " \n"}, "answer", "must not be empty"),
    ({"answer": "x" * 4001}, "answer", "4001 characters; at most 4000"),
    ({"answer": "🙂"}, "answer", "holds no words"),
    ({"answer": "Das war damals mit dem Kunden sehr schwierig."}, "answer", "not in English"),
    ({"question": ipb.Question()}, "question.text", "must not be empty"),
    ({"question": ipb.Question(text="x" * 501)}, "question.text", "at most 500"),
    ({"question": ipb.Question(text="Are you pregnant?")}, "question.text", "must not be asked"),
    ({"question": ipb.Question(text="Why?", competency="x" * 201)}, "question.competency", "at most 200"),
    ({"jurisdictions": ["US", "FR"]}, "jurisdictions[1]", "must be one of US, UK, EU, CN"),
    ({"num_return": 9}, "num_return", "from 1 to 8"),
]


async def test_bad_input_is_refused_by_its_field(serve, failure_of, pool):
    server = await serve(FakeEngine(), pool)
    for fields, path, says in BAD:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await server.interview.SuggestFollowUp(asks(**fields))
        failure = failure_of(caught.value)
        assert failure.code == "INVALID_ARGUMENT" and says in failure.fields[path]
    server.engine.ready = False
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.interview.SuggestFollowUp(asks())
    assert failure_of(caught.value).code == "UNAVAILABLE" and failure_of(caught.value).retry_s
