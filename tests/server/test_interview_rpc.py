"""InterviewService over a scripted engine and a scripted domain: who asks, in which order, and when."""

import asyncio
from dataclasses import dataclass, field

import grpc
import pytest
from askwell.v1 import generation_pb2 as pb
from askwell.v1 import interview_pb2 as ipb
from askwell_interview import (
    Message,
    Plan,
    PlanItem,
    Prompt,
    Question,
    QuestionType,
    Relation,
    Slot,
    Source,
    Verdict,
)
from askwell_server.domain.task import Judge, Opened, OpenInterview
from askwell_server.engine.row import Options, Priority
from askwell_server.errors import InvalidRequest, ServerFault, Unavailable
from fake_engine import FakeEngine, Script, until

REQUEST = {"job": ipb.Document(text="A job."), "resume": ipb.Document(text="A résumé.")}
BANK, MODEL = ipb.Question.BANK, ipb.Question.MODEL


@dataclass(frozen=True)
class FakeInterview:
    open_items: tuple[str, ...]
    given: tuple[Question, ...] = ()
    written: tuple[Question, ...] = ()

    @property
    def plan(self):
        ids = (*(question.id for question in self.given), *self.open_items)
        return Plan(
            tuple(
                PlanItem(id, Slot.PROBE, QuestionType.TECHNICAL, "c", Relation.GAP, "why", None, None)
                for id in ids
            )
        )

    def prompt(self, item):
        return Prompt(item, (Message("user", f"ask {item}"),), f"text {item}", "How do", ("\n",))


@dataclass(frozen=True)
class Judged:
    question: Question | None
    refused: dict[str, int]


@dataclass
class FakePool:
    """Plans ``count`` items and accepts the first text that ends with a question mark and is not taken."""

    broken: bool = False
    judged: list[Judge] = field(default_factory=list)

    async def run(self, task):
        if isinstance(task, OpenInterview):
            if task.resume.body == "unreadable":
                raise InvalidRequest.of("resume", "holds no text")
            items = tuple(f"probe-{i}" for i in range(1, task.count - len(task.core) + 1))
            return Opened(FakeInterview(items, task.core), "job text", "resume text")
        assert isinstance(task, Judge)
        self.judged.append(task)
        if self.broken:
            raise ServerFault("the judge broke down")
        for text in task.texts:
            if text.endswith("?") and text not in task.taken:
                scores = {"log_probability": task.log_probabilities[0]}
                verdict = Verdict(True, "likeness")
                return Judged(
                    Question(task.item_id, text, source=Source.MODEL, guard=verdict, scores=scores), {}
                )
        return Judged(None, {"form": len(task.texts)})


@pytest.fixture(autouse=True)
def bank(monkeypatch):
    monkeypatch.setattr(
        "askwell_server.rpc.interview_run.bank_question",
        lambda interview, item, taken: Question(item, f"Bank {item}?", source=Source.BANK),
    )


def item_of(row):
    """Which item a row is for: ``ask probe-2`` stands in its prompt."""
    text = bytes(id for id in row.prompt if id < 256).decode()
    return text.split("ask ")[1].split("\n")[0]


def writes(texts):
    """Each row of an item writes the item's next text; None fails with Unavailable."""
    left = {item: list(given) for item, given in texts.items()}

    def script(row):
        text = left[item_of(row)].pop(0)
        return Script(error=Unavailable("engine died")) if text is None else Script((text,))

    return script


async def streamed(server, **fields):
    call = server.interview.StreamQuestions(ipb.GenerateQuestionsRequest(**REQUEST | fields))
    return [event async for event in call]


async def test_plan_comes_first_then_questions_then_the_summary(serve):
    engine = FakeEngine(writes({"probe-1": ["A?", "B"], "probe-2": ["C?", "D?"]}))
    server = await serve(engine, FakePool())
    events = await streamed(server, count=2, include_text=True, request_id="r")
    kinds = [event.WhichOneof("event") for event in events]
    assert kinds == ["plan", "question", "question", "summary"]
    plan = events[0].plan
    assert (plan.request_id, plan.model, plan.job_text, plan.resume_text) == (
        "r", "fake", "job text", "resume text",
    )  # fmt: skip
    assert [(item.id, item.reason) for item in plan.plan.items] == [("probe-1", "why"), ("probe-2", "why")]
    assert {(e.question.id, e.question.text, e.question.attempts) for e in events[1:3]} == {
        ("probe-1", "A?", 2),
        ("probe-2", "C?", 2),
    }
    for event in events[1:3]:
        guard = event.question.guard
        assert (guard.allowed, guard.rule) == (True, ipb.CheckQuestionResponse.LIKENESS)
        assert dict(event.question.scores) == {"log_probability": -0.5}
    summary = events[3].summary
    assert (summary.model_questions, summary.bank_questions, summary.new_tokens) == (2, 0, 4)
    assert 0 < summary.first_question_s <= summary.plan_s + summary.write_s


async def test_rows_of_all_items_are_submitted_together_with_the_documented_defaults(serve):
    server = await serve(FakeEngine(lambda row: Script((f"{item_of(row)}?",))), FakePool())
    await streamed(server)
    assert server.engine.submits == [16]
    row = server.engine.streams[0].row
    assert (
        row.options == Options(temperature=0.7, logprobs=True)
        and row.max_new_tokens == 48
        and row.stops == ("\n",)
    )
    assert bytes(row.prompt[-6:]) == b"How do"
    assert (row.priority, row.tenant) == (Priority.NORMAL, "")


async def test_every_row_bears_its_callers_tenant_and_priority_in_every_round(serve):
    server = await serve(FakeEngine(writes({"probe-1": ["no", "no", "no", "no", "yes?", "no"]})), FakePool())
    sampling = pb.Sampling(suppress=["x"])
    await streamed(server, count=1, tenant="hr", priority=pb.PRIORITY_BATCH, sampling=sampling)
    rows = [stream.row for stream in server.engine.streams]
    assert len(rows) == 6 and {(row.tenant, row.priority) for row in rows} == {("hr", Priority.BATCH)}
    assert {row.options.suppressed for row in rows} == {(tuple(b" x"), tuple(b"x"))}


async def test_refused_item_gets_two_more_rounds_of_twice_the_samples_and_then_the_bank(serve):
    texts = {"probe-1": ["no"] * 5 + ["Yes?"], "probe-2": ["no"] * 10}
    server = await serve(FakeEngine(writes(texts)), FakePool())
    response = await server.interview.GenerateQuestions(ipb.GenerateQuestionsRequest(**REQUEST, count=2))
    assert [(q.id, q.text, q.source, q.attempts) for q in response.questions] == [
        ("probe-1", "Yes?", MODEL, 6),
        ("probe-2", "Bank probe-2?", BANK, 10),
    ]
    assert dict(response.summary.refused) == {"form": 12}
    assert (response.summary.model_questions, response.summary.bank_questions) == (1, 1)


async def test_same_question_is_never_asked_twice(serve):
    server = await serve(FakeEngine(lambda row: Script(("Same?",))), FakePool())
    response = await server.interview.GenerateQuestions(ipb.GenerateQuestionsRequest(**REQUEST, count=3))
    assert sorted(question.source for question in response.questions) == sorted([MODEL, BANK, BANK])


async def test_core_questions_come_back_word_for_word_and_count(serve):
    server = await serve(FakeEngine(lambda row: Script((f"{item_of(row)}?",))), pool := FakePool())
    core = ipb.Question(
        id="core-1", text="Why us?", type=ipb.Question.MOTIVATION, competency="motive", source=MODEL,
        job_evidence=ipb.Evidence(quote="A job", start=0, end=5), difficulty=2, minutes=4,
        anchors=[ipb.Anchor(rating=1, text="No reason.")], covers=["a reason"], red_flags=["Flattery"],
        follow_ups=[ipb.FollowUp(trigger=ipb.FollowUp.VAGUE, text="Such as?")], model="m", prompt_version="v",
    )  # fmt: skip
    request = ipb.GenerateQuestionsRequest(**REQUEST, count=3, core_questions=[core])
    response = await server.interview.GenerateQuestions(request)
    assert [question.id for question in response.questions] == ["core-1", "probe-1", "probe-2"]
    given = response.questions[0]
    assert (given.text, given.type, given.source, given.slot) == (
        core.text,
        core.type,
        MODEL,
        ipb.Question.CORE,
    )
    for name in ("job_evidence", "difficulty", "minutes", "anchors", "covers", "red_flags", "follow_ups"):
        assert getattr(given, name) == getattr(core, name)
    assert (given.model, given.prompt_version) == ("m", "v")
    assert {question.model for question in response.questions[1:]} == {response.model}
    assert (response.summary.given_questions, response.summary.model_questions) == (1, 2)
    assert all("Why us?" in task.taken for task in pool.judged)


async def test_engine_that_dies_on_the_way_leaves_its_items_to_the_bank(serve):
    engine = FakeEngine(writes({"probe-1": ["A?", "B?"], "probe-2": [None, None]}))
    server = await serve(engine, FakePool())
    response = await server.interview.GenerateQuestions(ipb.GenerateQuestionsRequest(**REQUEST, count=2))
    assert [question.source for question in response.questions] == [MODEL, BANK]


async def test_judge_that_breaks_down_leaves_everything_to_the_bank(serve):
    server = await serve(FakeEngine(lambda row: Script(("A?",))), FakePool(broken=True))
    response = await server.interview.GenerateQuestions(ipb.GenerateQuestionsRequest(**REQUEST, count=2))
    assert [question.source for question in response.questions] == [BANK, BANK]


async def test_bank_answers_before_the_deadline(serve):
    never = asyncio.Event()
    server = await serve(FakeEngine(lambda row: Script(held=never)), FakePool())
    request = ipb.GenerateQuestionsRequest(**REQUEST, count=2)
    response = await server.interview.GenerateQuestions(request, timeout=1.5)
    assert [question.source for question in response.questions] == [BANK, BANK]
    assert all(stream.cancelled for stream in server.engine.streams)


@pytest.mark.parametrize(
    ("engine", "code"),
    [(FakeEngine(ready=False), "UNAVAILABLE"), (FakeEngine(queue_limit=20), "RESOURCE_EXHAUSTED")],
)
async def test_request_that_is_not_admitted_sends_nothing(serve, failure_of, engine, code):
    engine.streams = []
    server = await serve(engine, FakePool())
    if engine.ready:
        await server.generation.Generate(pb.GenerateRequest(text="ask probe-1", num_return=10))
    call = server.interview.StreamQuestions(ipb.GenerateQuestionsRequest(**REQUEST))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(call))
    assert failure_of(caught.value).code == code and failure_of(caught.value).retry_s


@pytest.mark.parametrize("limit, asked, field", [(15, {"num_return": 2}, "num_return"), (7, {}, "count")])
async def test_request_larger_than_the_queue_is_refused_for_good(serve, failure_of, limit, asked, field):
    server = await serve(FakeEngine(queue_limit=limit), FakePool())
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.interview.GenerateQuestions(ipb.GenerateQuestionsRequest(**REQUEST, **asked))
    assert list(failure_of(caught.value).fields) == [field]


async def test_unreadable_document_is_refused_by_its_field(serve, failure_of):
    server = await serve(pool=FakePool())
    request = ipb.GenerateQuestionsRequest(job=REQUEST["job"], resume=ipb.Document(text="unreadable"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.interview.GenerateQuestions(request)
    assert failure_of(caught.value).fields == {"resume": "holds no text"}


async def test_client_that_leaves_ends_every_row(serve):
    never = asyncio.Event()
    server = await serve(FakeEngine(lambda row: Script(held=never)), FakePool())
    call = server.interview.StreamQuestions(ipb.GenerateQuestionsRequest(**REQUEST))
    await call.read()
    call.cancel()
    await until(lambda: not server.gate.inside and all(stream.cancelled for stream in server.engine.streams))


@pytest.mark.parametrize(
    "fit, limit, submitted", [(1, 1024, 8), (3, 1024, 24), (99, 1024, 32), (0, 1024, 8), (99, 20, 16)]
)
async def test_as_many_candidates_are_written_as_the_engine_is_quick_for(serve, fit, limit, submitted):
    """At least one, at most four, and no more than the queue holds."""
    engine = FakeEngine(lambda row: Script((f"{item_of(row)}?",)), samples_fit=fit, queue_limit=limit)
    server = await serve(engine, FakePool())
    await streamed(server)
    assert server.engine.submits == [submitted]


async def test_greedy_writing_asks_once(serve):
    server = await serve(FakeEngine(lambda row: Script(("no",))), FakePool())
    request = ipb.GenerateQuestionsRequest(
        **REQUEST, count=2, num_return=4, sampling=pb.Sampling(temperature=0)
    )
    await server.interview.GenerateQuestions(request)
    assert server.engine.submits == [2]
