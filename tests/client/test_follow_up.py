"""``suggest_follow_up`` and ``askwell follow-up``."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from askwell.v1 import generation_pb2
from askwell.v1 import interview_pb2 as pb
from askwell_client import Client, Question, QuestionSet, Source, Trigger
from askwell_client.command import main
from client.fake_server import FakeServer

from client import interview_script as script

SUGGESTED = pb.SuggestFollowUpResponse(
    request_id="r",
    model="m",
    trigger=pb.FollowUp.WE_NOT_I,
    text="Which part did you do yourself?",
    source=pb.Question.BANK,
    guard=pb.GuardVerdict(allowed=True, rule=pb.CheckQuestionResponse.LIKENESS),
    refused={"vague": 3},
)
FollowUp = Callable[..., int]


def test_a_question_is_sent_as_it_came_or_as_text(server: FakeServer) -> None:
    server.will("SuggestFollowUp", SUGGESTED, SUGGESTED)
    came = script.QUESTIONS[0]
    with Client(server.target) as client:
        suggestion = client.suggest_follow_up(Question.from_pb(came), "We did it.", temperature=0.5)
        options = {"num_return": 5, "tenant": "hr", "jurisdictions": ["UK"]}
        client.suggest_follow_up("Why?", "So.", competency="motive", **options)  # type: ignore[arg-type]
    assert (suggestion.trigger, suggestion.source) == (Trigger.WE_NOT_I, Source.BANK)
    assert suggestion.guard is not None and suggestion.guard.allowed and suggestion.refused == {"vague": 3}
    first, second = (arrival.request for arrival in server.calls)
    assert first.question == came and first.answer == "We did it."
    assert first.sampling == generation_pb2.Sampling(temperature=0.5)
    assert second.question == pb.Question(text="Why?", competency="motive")
    assert (second.num_return, second.tenant, second.jurisdictions) == (5, "hr", ["UK"])


@pytest.fixture
def follow_up(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> FollowUp:
    """Runs the command with an answer on standard input."""

    def run(given: bytes, *arguments: object) -> int:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
        asked = () if "--from" in arguments else ("--question", "How was it?")
        return main(["follow-up", "--server", server.target, *asked, *map(str, arguments)])

    return run


def test_command_tells_what_the_answer_was_like_and_what_to_ask(
    follow_up: FollowUp, server: FakeServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    server.will("SuggestFollowUp", SUGGESTED, SUGGESTED)
    assert follow_up("Wir, ähm: we.".encode(), "--competency", "planning") == 0
    assert capsys.readouterr().out == "we not i     BANK Which part did you do yourself?\n"
    (tmp_path / "answer.txt").write_text("We.")
    assert follow_up(b"", "--answer", tmp_path / "answer.txt", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["trigger"], told["guard"]["rule"]) == ("WE_NOT_I", "LIKENESS")
    first, second = (arrival.request for arrival in server.calls)
    assert (first.answer, first.question.competency) == ("Wir, ähm: we.", "planning")
    assert second.answer == "We."


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """What ``askwell questions --json`` printed."""
    path = tmp_path / "questions.json"
    path.write_text(json.dumps(QuestionSet.from_pb(script.ANSWER).to_dict()))
    return path


def test_a_saved_question_is_sent_with_all_that_it_says_of_itself(
    follow_up: FollowUp, server: FakeServer, saved: Path
) -> None:
    server.will("SuggestFollowUp", SUGGESTED)
    assert follow_up(b"We.", "--from", saved, "--id", "core-1", "--jurisdiction", "us,uk") == 0
    (request,) = (arrival.request for arrival in server.calls)
    assert request.question == script.QUESTIONS[0] and len(request.question.follow_ups) == 2
    assert (request.answer, request.jurisdictions) == ("We.", ["US", "UK"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--from", "FILE", "--id", "probe-9"), "no question 'probe-9', but core-1, probe-1, probe-2"),
        (("--from", "FILE"), "--from needs --id"),
        (("--from", "FILE", "--id", "core-1", "--competency", "x"), "no --competency"),
        (("--id", "core-1"), "--id needs --from"),
        (("--from", __file__, "--id", "core-1"), "is not what askwell questions --json prints"),
    ],
)
def test_a_saved_question_that_is_not_there_is_refused_in_one_line(
    follow_up: FollowUp,
    server: FakeServer,
    saved: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    complaint: str,
) -> None:
    assert follow_up(b"We.", *(str(saved) if each == "FILE" else each for each in arguments)) == 2
    err = capsys.readouterr().err
    assert complaint in err and err.count("\n") == 1 and not server.calls


@pytest.mark.parametrize(
    ("given", "arguments", "complaint"),
    [
        (b"\xff", (), "askwell: standard input is not UTF-8"),
        (b"x" * 16_001, (), "askwell: standard input is longer than an answer may be"),
        (b"", ("--answer", "/no/such/answer.txt"), "askwell: cannot read /no/such/answer.txt"),
    ],
)
def test_answer_that_cannot_be_sent_is_refused_in_one_line(
    follow_up: FollowUp,
    server: FakeServer,
    capsys: pytest.CaptureFixture[str],
    given: bytes,
    arguments: tuple[str, ...],
    complaint: str,
) -> None:
    assert follow_up(given, *arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith(complaint) and err.count("\n") == 1 and not server.calls
