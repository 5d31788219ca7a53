"""Every rule of the API's fields, through the real RPCs: nothing that breaks one reaches the engine."""

from dataclasses import replace

import grpc
import pytest
from askwell.v1 import generation_pb2 as pb
from askwell.v1 import interview_pb2 as ipb
from fake_engine import MANIFEST

NAN, INFINITY = float("nan"), float("inf")


def generate(**fields):
    return pb.GenerateRequest(**({"text": "hi"} | fields))


def sampling(**fields):
    return generate(sampling=pb.Sampling(**fields))


def stopping(**fields):
    return generate(stopping=pb.Stopping(**fields))


def chat(role="user", content="hi"):
    return pb.Chat(messages=[pb.ChatMessage(role=role, content=content)])


REFUSED = [
    # what crashes or corrupts the engine (facts/ctranslate2.md, section 0)
    (sampling(num_beams=2, top_k=2), "sampling.top_k"),
    (sampling(num_beams=2, top_k=3), "sampling.top_k"),
    (sampling(num_beams=16, top_k=31), "sampling.top_k"),
    (generate(tokens=pb.TokenIds(ids=[1, 258])), "tokens.ids[1]"),
    (generate(tokens=pb.TokenIds()), "tokens.ids"),
    (generate(tokens=pb.TokenIds(ids=[258] * 512)), "tokens.ids"),
    (generate(text=""), "text"),
    (sampling(temperature=NAN), "sampling.temperature"),
    (sampling(temperature=-0.5), "sampling.temperature"),
    (sampling(top_p=NAN), "sampling.top_p"),
    (sampling(repetition_penalty=NAN), "sampling.repetition_penalty"),
    (sampling(top_k=259), "sampling.top_k"),
    (stopping(max_new_tokens=511), "stopping.max_new_tokens"),
    # the rest of the ranges
    (sampling(temperature=INFINITY), "sampling.temperature"),
    (sampling(temperature=101), "sampling.temperature"),
    (sampling(top_p=0.00009), "sampling.top_p"),
    (sampling(top_p=1.5), "sampling.top_p"),
    (sampling(repetition_penalty=0.009), "sampling.repetition_penalty"),
    (sampling(repetition_penalty=11), "sampling.repetition_penalty"),
    (sampling(no_repeat_ngram_size=33), "sampling.no_repeat_ngram_size"),
    (sampling(num_beams=0), "sampling.num_beams"),
    (sampling(num_beams=17), "sampling.num_beams"),
    (stopping(max_new_tokens=0), "stopping.max_new_tokens"),
    (stopping(max_new_tokens=8, min_new_tokens=9), "stopping.min_new_tokens"),
    (stopping(stop_sequences=["x"] * 17), "stopping.stop_sequences"),
    (stopping(stop_sequences=["x", ""]), "stopping.stop_sequences[1]"),
    (stopping(stop_sequences=["x" * 257]), "stopping.stop_sequences[0]"),
    (generate(num_return=0), "num_return"),
    (generate(num_return=65), "num_return"),
    (generate(request_id="a" * 129), "request_id"),
    (generate(request_id="line\nbreak"), "request_id"),
    (pb.GenerateRequest(), "input"),
    (generate(text="x" * 512), "text"),
    (generate(text="x" * 512 * 64 + "x"), "text"),
    (generate(chat=pb.Chat()), "chat.messages"),
    (generate(chat=pb.Chat(messages=[pb.ChatMessage(role="user")] * 513)), "chat.messages"),
    (generate(chat=chat(role="tool")), "chat.messages[0].role"),
    (generate(priority=4), "priority"),
    (generate(tenant="a" * 65), "tenant"),
    (generate(tenant="é"), "tenant"),
    (stopping(stop_token_ids=[1, 258]), "stopping.stop_token_ids[1]"),
    (stopping(stop_token_ids=[1] * 17), "stopping.stop_token_ids"),
    (stopping(time_limit_ms=0), "stopping.time_limit_ms"),
    (stopping(time_limit_ms=86_400_001), "stopping.time_limit_ms"),
    (sampling(suppress=["x"] * 17), "sampling.suppress"),
    (sampling(suppress=["x", ""]), "sampling.suppress[1]"),
    (sampling(suppress=["x" * 65]), "sampling.suppress[0]"),
    # what a search with several beams cannot do
    (generate(output=pb.Output(logprobs=True), sampling=pb.Sampling(num_beams=2)), "output.logprobs"),
    (
        generate(stopping=pb.Stopping(stop_token_ids=[1]), sampling=pb.Sampling(num_beams=2)),
        "stopping.stop_token_ids",
    ),
    (
        generate(stopping=pb.Stopping(time_limit_ms=9), sampling=pb.Sampling(num_beams=2)),
        "stopping.time_limit_ms",
    ),
]


@pytest.mark.parametrize(("request_", "field"), REFUSED, ids=lambda value: str(value).replace("\n", " ")[:60])
async def test_broken_rule_is_refused_by_its_field(serve, failure_of, request_, field):
    server = await serve()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.generation.Generate(request_)
    failure = failure_of(caught.value)
    assert (failure.code, list(failure.fields)) == ("INVALID_ARGUMENT", [field])
    assert "\n" not in failure.message and field in failure.message
    assert not server.engine.streams


ACCEPTED = [
    sampling(num_beams=2, top_k=4),
    sampling(num_beams=2, top_k=0),
    sampling(num_beams=2, top_k=1),
    sampling(num_beams=2, top_k=3, temperature=0),
    sampling(num_beams=16),
    sampling(temperature=0, seed=3),
    sampling(top_p=0.0001, repetition_penalty=0.01),  # neither is exact in 32 bits
    sampling(temperature=100, top_k=258, top_p=1, repetition_penalty=10, no_repeat_ngram_size=32),
    stopping(max_new_tokens=510, min_new_tokens=510),
    stopping(stop_sequences=["x" * 256] * 16),
    generate(tokens=pb.TokenIds(ids=[257])),
    generate(num_return=64, request_id=" ~"),
    generate(tenant="~" * 64, priority=pb.PRIORITY_BATCH, reproducible=True),
    stopping(stop_token_ids=[257] * 16, time_limit_ms=86_400_000),
    sampling(suppress=["x" * 64] * 16, num_beams=2),
]


@pytest.mark.parametrize("request_", ACCEPTED, ids=lambda value: str(value).replace("\n", " ")[:60])
async def test_edge_of_a_rule_is_accepted(serve, request_):
    server = await serve()
    await server.generation.Generate(request_)
    options = server.engine.streams[0].row.options
    assert options.num_beams == 1 or options.greedy or not 1 < options.top_k < 2 * options.num_beams


async def test_all_violations_come_at_once(serve, failure_of):
    server = await serve()
    request = pb.GenerateRequest(sampling=pb.Sampling(temperature=-1, top_p=2), num_return=0, request_id="\t")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.generation.Generate(request)
    assert set(failure_of(caught.value).fields) == {
        "sampling.temperature", "sampling.top_p", "num_return", "request_id", "input",
    }  # fmt: skip


async def test_seed_with_sampling_is_unimplemented(serve, failure_of):
    server = await serve()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.generation.Generate(sampling(seed=1))
    assert failure_of(caught.value).code == "UNIMPLEMENTED"
    assert "sampling.seed" in failure_of(caught.value).message


@pytest.mark.parametrize("method", ["Generate", "Tokenize", "GetModel"])
async def test_unknown_model_is_not_found_and_names_the_served_one(serve, failure_of, method):
    server = await serve()
    kinds = {"Generate": pb.GenerateRequest, "Tokenize": pb.TokenizeRequest, "GetModel": pb.GetModelRequest}
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await getattr(server.generation, method)(kinds[method](model="gpt-5"))
    failure = failure_of(caught.value)
    assert failure.code == "NOT_FOUND" and "'gpt-5'" in failure.message and "'fake'" in failure.message


async def test_base_model_refuses_chat(serve, failure_of):
    server = await serve(manifest=replace(MANIFEST, prompt_style="base", chat_template=None))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.generation.Generate(generate(chat=chat()))
    assert list(failure_of(caught.value).fields) == ["chat"]


async def test_default_top_k_never_exceeds_a_small_vocabulary(serve):
    server = await serve(manifest=replace(MANIFEST, vocabulary_size=30))
    await server.generation.Generate(generate(tokens=pb.TokenIds(ids=[1])))
    assert server.engine.streams[0].row.options.top_k == 30


JOB, RESUME = ipb.Document(text="We need a nurse."), ipb.Document(text="I am a nurse.")
LARGE = 4 * 1024 * 1024 + 1


def rubric(**fields):
    return questions(core_questions=[ipb.Question(text="a?", **fields)])


def questions(**fields):
    return ipb.GenerateQuestionsRequest(**({"job": JOB, "resume": RESUME} | fields))


def document(**fields):
    return questions(resume=ipb.Document(**fields))


REFUSED_QUESTIONS = [
    (ipb.GenerateQuestionsRequest(resume=RESUME), "job"),
    (ipb.GenerateQuestionsRequest(job=JOB), "resume"),
    (ipb.GenerateQuestionsRequest(job=JOB, mode=ipb.MODE_MOCK), "resume"),
    (questions(mode=5), "mode"),
    (questions(minutes=4), "minutes"),
    (questions(minutes=241), "minutes"),
    (document(text=""), "resume.text"),
    (document(content=b""), "resume.content"),
    (document(content=b"x" * LARGE), "resume.content"),
    (document(text="é" * (LARGE // 2 + 1)), "resume.text"),
    (document(content=b"x" * 10_000_000), "resume.content"),
    (document(text="x", media_type=7), "resume.media_type"),
    (questions(count=0), "count"),
    (questions(count=33), "count"),
    (questions(max_new_tokens=7), "max_new_tokens"),
    (questions(num_return=9), "num_return"),
    (questions(sampling=pb.Sampling(top_p=NAN)), "sampling.top_p"),
    (questions(sampling=pb.Sampling(suppress=[""])), "sampling.suppress[0]"),
    (questions(priority=9), "priority"),
    (questions(tenant="line\nbreak"), "tenant"),
    (questions(core_questions=[ipb.Question(text=" ")]), "core_questions[0].text"),
    (questions(core_questions=[ipb.Question(text="a?", type=9)]), "core_questions[0].type"),
    (questions(core_questions=[ipb.Question(text="a?", slot=ipb.Question.PROBE)]), "core_questions[0].slot"),
    (rubric(difficulty=6), "core_questions[0].difficulty"),
    (rubric(minutes=121), "core_questions[0].minutes"),
    (rubric(covers=["x" * 501]), "core_questions[0].covers[0]"),
    (rubric(model="x" * 501), "core_questions[0].model"),
    (rubric(id="x" * 65), "core_questions[0].id"),
    (rubric(id="core-1\x1b[2J"), "core_questions[0].id"),
    (rubric(competency="x" * 201), "core_questions[0].competency"),
    (questions(jurisdictions=["UK", "uk"]), "jurisdictions[1]"),
    (rubric(anchors=[ipb.Anchor(rating=6, text="x")]), "core_questions[0].anchors[0].rating"),
    (rubric(anchors=[ipb.Anchor(rating=1, text="")]), "core_questions[0].anchors[0].text"),
    (rubric(follow_ups=[ipb.FollowUp(text="x")] * 13), "core_questions[0].follow_ups"),
    (rubric(follow_ups=[ipb.FollowUp(trigger=9, text="x")]), "core_questions[0].follow_ups[0].trigger"),
    (questions(count=1, core_questions=[ipb.Question(text="a?"), ipb.Question(text="b?")]), "core_questions"),
]


@pytest.mark.parametrize(
    ("request_", "field"), REFUSED_QUESTIONS, ids=[field for _, field in REFUSED_QUESTIONS]
)
async def test_broken_rule_of_a_question_request_is_refused_by_its_field(serve, failure_of, request_, field):
    server = await serve()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.interview.GenerateQuestions(request_, timeout=20)  # what is let through waits for a pool
    failure = failure_of(caught.value)
    assert (failure.code, list(failure.fields)) == ("INVALID_ARGUMENT", [field])
