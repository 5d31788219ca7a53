"""``askwell check``: a line in, a line out."""

import io
import json
import sys
from collections.abc import Callable

import pytest
from askwell.v1 import interview_pb2 as pb
from askwell_client import Client, Rule
from askwell_client.command import main
from client.fake_server import FakeServer, Refusal
from google.rpc import error_details_pb2
from grpc import StatusCode

FINE = pb.CheckQuestionResponse(allowed=True, rule=pb.CheckQuestionResponse.LIKENESS)
AGE = pb.CheckQuestionResponse(
    category="age",
    category_name="Age",
    rule=pb.CheckQuestionResponse.PATTERN,
    reason="Age is protected.",
    rewrite="What have you done?",
    jurisdictions=["US", "EU"],
)

Check = Callable[..., int]


@pytest.fixture
def check(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Runs the command on some standard input."""

    def run(given: bytes, *arguments: str) -> int:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
        try:
            return main(["check", "--server", server.target, *arguments])
        except SystemExit as exit_:
            return int(exit_.code or 0)

    return run


def test_each_question_gets_one_json_line(
    check: Check, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.will("CheckQuestion", FINE, AGE)
    assert check("Why Python?\r\nQuel âge avez-vous ?".encode(), "--json", "--jurisdiction", "us,EU") == 0
    fine, age = map(json.loads, capsys.readouterr().out.splitlines())
    assert (fine["allowed"], fine["category"], fine["rule"]) == (True, "", "LIKENESS")
    assert (age["allowed"], age["category"], age["rewrite"]) == (False, "age", "What have you done?")
    assert [call.request.text for call in server.calls] == ["Why Python?", "Quel âge avez-vous ?"]
    assert list(server.calls[0].request.jurisdictions) == ["US", "EU"]


def test_people_read_what_to_ask_instead_on_one_line(
    check: Check, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.will("CheckQuestion", FINE, AGE)
    assert check(b"Why Python?\nHow old are you, and do tell me all about it at some length?\n") == 0
    fine, age = capsys.readouterr().out.splitlines()
    assert fine == "ask      Why Python?"
    assert age.startswith("do not   How old are you") and age.endswith("Ask: What have you done?")


LONG = Refusal(StatusCode.INVALID_ARGUMENT, "text: has 501 characters; at most 500")
LINES = b"Why?\n\n   \n\xff\ntoo long\nHow?\n"


def test_a_line_that_cannot_be_checked_is_told_in_its_place_and_the_rest_is_answered(
    check: Check, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.will("CheckQuestion", FINE, LONG, AGE)
    assert check(LINES, "--json") == 2
    out, err = capsys.readouterr()
    fine, latin, long, age = map(json.loads, out.splitlines())
    assert fine["allowed"] and age["category"] == "age" and not err
    assert latin == {"line": 4, "error": "not UTF-8"}
    assert long == {"line": 5, "error": "text: has 501 characters; at most 500"}


def test_people_are_told_beside_the_answers(
    check: Check, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.will("CheckQuestion", FINE, LONG, FINE)
    assert check(LINES) == 2
    out, err = capsys.readouterr()
    assert out == "ask      Why?\nask      How?\n"
    assert err.splitlines() == [
        "askwell: line 4: not UTF-8",
        "askwell: line 5: text: has 501 characters; at most 500",
    ]


def test_what_is_wrong_with_every_line_is_told_once(
    check: Check, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="jurisdictions[0]", description="must be one of US, UK")
    server.will("CheckQuestion", Refusal(StatusCode.INVALID_ARGUMENT, "jurisdictions[0]: no", (bad,)))
    assert check(b"Why?\nHow?\n", "--json", "--jurisdiction", "FR") == 2
    assert capsys.readouterr() == ("", "askwell: jurisdictions[0]: no\n")
    assert len(server.calls) == 1


def test_codes_need_commas_between_them(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(b"Why?\n", "--jurisdiction", "US,,EU") == 2
    assert "codes with commas" in capsys.readouterr().err


def test_the_client_tells_the_rule(server: FakeServer) -> None:
    server.will("CheckQuestion", AGE)
    with Client(server.target) as client:
        checked = client.check_question("How old are you?", jurisdictions=["US"])
    assert (checked.allowed, checked.rule, checked.jurisdictions) == (False, Rule.PATTERN, ("US", "EU"))
