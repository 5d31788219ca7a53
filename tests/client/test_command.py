"""The ``askwell`` command: what it prints, and how it ends."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from askwell.v1 import generation_pb2 as pb
from askwell.v1 import interview_pb2
from askwell_client.command import main
from client.fake_server import FakeServer, Hang, Refusal, Running
from grpc import StatusCode

from client import interview_script as script

Askwell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def askwell(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Askwell:
    """Runs the command against the fake server: exit status, standard output, standard error."""
    monkeypatch.setenv("ASKWELL_SERVER", server.target)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object) -> tuple[int, str, str]:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            status = int(exit_.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def documents(tmp_path: Path) -> list[str]:
    (tmp_path / "job.md").write_text(script.JOB)
    (tmp_path / "resume.md").write_text(script.RESUME)
    return ["--job", str(tmp_path / "job.md"), "--resume", str(tmp_path / "resume.md")]


def test_questions_are_printed_after_their_plan_with_their_source(
    askwell: Askwell, server: FakeServer, documents: list[str]
) -> None:
    server.will("StreamQuestions", script.EVENTS)
    status, out, err = askwell("questions", *documents, "--count", 3)
    assert (status, err) == (0, "")
    assert server.calls[0].request.count == 3
    assert server.calls[0].request.resume.content == script.RESUME.encode()
    order = ["Plan: 3 questions", "unverified claim:", "1/3", "2/3", "3/3", "2 MODEL, 1 BANK"]
    assert [out.index(part) for part in order] == sorted(out.index(part) for part in order)
    assert "BANK  situational · Kubernetes" in out
    assert "résumé  “Ran the on-call rota”" in out
    assert "why     The résumé claims two years of it" in out
    assert "then    (no result) How did you know that it was over?" in out and "automate" not in out
    assert "a Kubernetes cluster [prod] tomorrow" in out
    assert "first question after 1.25 s, all after 3.75 s; about 15 min to ask" in " ".join(out.split())
    assert "covers" not in out
    assert "\x1b" not in out
    assert all(len(line) <= 80 and line == line.rstrip() for line in out.splitlines())


def test_mode_and_budget_are_sent_and_mock_tells_what_an_answer_covers(
    askwell: Askwell, server: FakeServer, documents: list[str]
) -> None:
    server.will("StreamQuestions", script.EVENTS, script.EVENTS)
    status, out, _ = askwell("questions", *documents, "--mode", "mock", "--minutes", 30)
    assert status == 0 and "covers  the first five minutes" in out
    request = server.calls[0].request
    assert (request.mode, request.minutes) == (interview_pb2.MODE_MOCK, 30)
    status, out, _ = askwell("questions", *documents[:2], "--mode", "bank")
    request = server.calls[1].request
    assert (status, request.mode, request.HasField("resume")) == (0, interview_pb2.MODE_BANK, False)
    assert not request.HasField("minutes") and "covers" not in out


def test_questions_as_json_are_one_object_of_the_protos_fields(
    askwell: Askwell, server: FakeServer, documents: list[str]
) -> None:
    server.will("GenerateQuestions", script.ANSWER)
    status, out, _ = askwell("questions", *documents, "--json")
    first, second, third = json.loads(out)["questions"]
    assert status == 0
    assert first["text"].startswith("Tell me about an incident")
    assert (first["type"], first["relation"], first["competency"]) == (
        "BEHAVIOURAL",
        "JOB",
        "incident response",
    )
    assert second["resume_evidence"] == {"quote": "Ran the on-call rota", "start": 0, "end": 20}
    assert [anchor["rating"] for anchor in first["anchors"]] == [1, 3, 5]
    assert first["follow_ups"][1] == {"trigger": "STRONG", "text": "What would you automate?"}
    assert (first["source"], third["source"]) == ("MODEL", "BANK")


def test_core_questions_of_a_saved_answer_are_sent_again(
    askwell: Askwell, server: FakeServer, documents: list[str], tmp_path: Path
) -> None:
    server.will("GenerateQuestions", script.ANSWER, script.ANSWER)
    _, out, _ = askwell("questions", *documents, "--json")
    (tmp_path / "core.json").write_text(out)
    status, *_ = askwell("questions", *documents, "--json", "--core", tmp_path / "core.json")
    assert status == 0
    assert list(server.calls[1].request.core_questions) == script.QUESTIONS[:1]


def test_the_law_that_counts_is_sent(askwell: Askwell, server: FakeServer, documents: list[str]) -> None:
    server.will("StreamQuestions", script.EVENTS, script.EVENTS)
    assert askwell("questions", *documents, "--jurisdiction", "us,UK")[0] == 0
    assert askwell("questions", *documents)[0] == 0
    assert [call.request.jurisdictions for call in server.calls] == [["US", "UK"], []]


def test_nothing_that_a_caller_gave_drives_the_terminal(
    askwell: Askwell, server: FakeServer, documents: list[str]
) -> None:
    item = interview_pb2.PlanItem(id="core-1\x1b[2J", competency="c", reason="r")
    plan = interview_pb2.StreamPlan(plan=interview_pb2.Plan(items=[item]), model="m\x1b[2J")
    events = [
        interview_pb2.StreamQuestionsResponse(plan=plan),
        interview_pb2.StreamQuestionsResponse(
            question=interview_pb2.Question(id=item.id, text="Why?\x07", competency="c\x1b[1m")
        ),
    ]
    server.will("StreamQuestions", events)
    status, out, _ = askwell("questions", *documents)
    assert status == 0 and "core-1[2J" in out
    assert not {"\x1b", "\x07"} & set(out)


SAMPLE = pb.Sample(text=" there was", finish_reason=pb.FINISH_REASON_EOS, usage=pb.Usage(new_tokens=2))


def test_generate_prints_the_text_alone_and_its_cost_beside(askwell: Askwell, server: FakeServer) -> None:
    server.will("Generate", pb.GenerateResponse(samples=[SAMPLE]))
    options = ["--max-new-tokens", 5, "--top-k", 3, "--stop", "END", "--stop", "\n", "--suppress", "never"]
    options += ["--priority", "batch", "--tenant", "hr", "--time-limit", 0.5, "--reproducible"]
    status, out, err = askwell("generate", "Once", *options)
    request = server.calls[0].request
    assert (status, out) == (0, " there was\n")
    assert "2 tokens, ended by eos" in err
    assert (request.text, request.sampling.top_k, request.stopping.max_new_tokens) == ("Once", 3, 5)
    assert list(request.stopping.stop_sequences) == ["END", "\n"]
    assert (list(request.sampling.suppress), request.stopping.time_limit_ms) == (["never"], 500)
    assert (request.priority, request.tenant, request.reproducible) == (pb.PRIORITY_BATCH, "hr", True)
    assert not request.sampling.HasField("temperature")


def test_generate_streams_the_text_as_it_comes(askwell: Askwell, server: FakeServer) -> None:
    deltas = [
        pb.GenerateStreamResponse(delta=pb.Delta(text=" there")),
        pb.GenerateStreamResponse(delta=pb.Delta(text=" w\x1b[1mas")),
        pb.GenerateStreamResponse(finished=SAMPLE),
    ]
    server.will("GenerateStream", deltas, deltas)
    assert askwell("generate", "Once", "--stream")[1] == " there w[1mas\n"
    _, out, _ = askwell("generate", "Once", "--stream", "--json")
    assert [next(iter(json.loads(line))) for line in out.splitlines()] == ["delta", "delta", "finished"]


def test_generate_reads_standard_input_and_can_chat(
    askwell: Askwell, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Hello\n"))
    server.will("Generate", pb.GenerateResponse(samples=[SAMPLE]))
    status, *_ = askwell("generate", "--chat", "--json")
    (message,) = server.calls[0].request.chat.messages
    assert (status, message.role, message.content) == (0, "user", "Hello")


def test_model_and_health_tell_what_is_served(askwell: Askwell, running: Running) -> None:
    model = pb.GetModelResponse(name="smollm2", positions=8192, weight_range=63, quantization="int8_float16")
    running.fake.will("GetModel", model, model)
    assert "int8_float16, weights within ±63" in askwell("model")[1]
    assert json.loads(askwell("model", "--json")[1])["positions"] == 8192
    measured = pb.Certificate(
        perplexity_ratio=1.0234, tokens=20_000, instruction_set="MKL with VNNI", date="2026-11-23"
    )
    running.fake.will("GetModel", pb.GetModelResponse(name="smollm2", certificate=measured))
    told = " ".join(askwell("model")[1].split())
    assert "perplexity × 1.023" in told and "of 20,000 tokens" in told and "MKL with VNNI" in told
    assert askwell("health")[:2] == (0, "SERVING\n")
    running.set_health("NOT_SERVING")
    assert askwell("health")[:2] == (1, "NOT_SERVING\n")
    assert json.loads(askwell("health", "--json")[1]) == {"status": "NOT_SERVING"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "arguments are required: COMMAND"),
        (["questions"], "arguments are required: --job"),
        (["questions", "--job", "/"], "--resume is missing: only --mode bank does without"),
        (["questions", "--job", "/", "--mode", "quick"], "invalid choice: 'quick'"),
        (["questions", "--job", "nope.md", "--resume", "nope.md"], "cannot read nope.md: No such file"),
        (["questions", "--job", "/", "--resume", "/"], "cannot read /: Is a directory"),
        (["questions", "--job", "/", "--resume", "/", "--core", __file__], "is not what askwell questions"),
        (["health", "--serve", "localhost:1"], "unrecognized arguments: --serve"),
        (
            ["health", "--server", "localhost"],
            "must read HOST:PORT, such as localhost:50051, not 'localhost'",
        ),
        (["model", "--timeout", "0"], "must be a number of seconds above 0, not '0'"),
        (["generate", ""], "the prompt is empty"),
        (["generate", "x", "--top-k", "-1"], "sampling.top_k: Value out of range: -1"),
        (["generate", "x", "--temperature", "hot"], "invalid float value: 'hot'"),
        (["generate", "\udcff"], "not valid Unicode"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(askwell: Askwell, arguments: list[str], complaint: str) -> None:
    status, out, err = askwell(*arguments)
    assert (status, out) == (2, "")
    assert complaint in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("code", "status"),
    [(StatusCode.INVALID_ARGUMENT, 2), (StatusCode.NOT_FOUND, 2), (StatusCode.INTERNAL, 1)],
)
def test_a_refusal_is_one_line(askwell: Askwell, server: FakeServer, code: StatusCode, status: int) -> None:
    server.will("Generate", Refusal(code, "because\nso"))
    got, out, err = askwell("generate", "x")
    assert (got, out, err.count("\n")) == (status, "", 1)
    assert err.startswith("askwell: because so")


def test_a_missing_server_and_a_slow_one_are_one_line(askwell: Askwell, server: FakeServer) -> None:
    server.will("GetModel", Hang())
    status, _, err = askwell("model", "--timeout", 0.2)
    assert (status, err) == (1, f"askwell: no result from {server.target} within 0.2 s\n")
    status, _, err = askwell("health", "--server", "127.0.0.1:1")
    assert (status, err) == (
        1,
        "askwell: no server at 127.0.0.1:1; start one with: askwell-server --model DIR\n",
    )


COMMAND = [sys.executable, "-c", "import sys; from askwell_client.command import main; sys.exit(main())"]


def _process(server: FakeServer, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        env={**os.environ, "ASKWELL_SERVER": server.target},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_interrupting_a_stream_ends_it_quietly(server: FakeServer) -> None:
    server.will("GenerateStream", [pb.GenerateStreamResponse(delta=pb.Delta(text="first\n")), Hang()])
    with _process(server, "generate", "Once", "--stream") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "first\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "")


def test_a_reader_that_leaves_is_no_error(server: FakeServer, documents: list[str]) -> None:
    server.will("StreamQuestions", script.EVENTS)
    with _process(server, "questions", *documents) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 141
