"""What ``askwell-server`` says when it cannot serve: one line on stderr and exit code 2."""

import json

import pytest
from askwell_manifest import MANIFEST_NAME
from askwell_server import app
from tiny_model import make_tiny_model


@pytest.fixture
def half_written(tmp_path):
    (tmp_path / "askwell.json").write_text(json.dumps({"format": 1, "name": "x"}))
    return tmp_path


def test_what_is_wrong_is_one_line_and_exit_code_2(tmp_path, half_written, capsys):
    for argv, told in [
        ([], "--model is missing"),
        (["--model", str(tmp_path / "none")], "no model folder at"),
        (["--model", str(half_written)], "is incomplete"),
        (["--model", "m" * 5000], "cannot read the model folder: File name too long"),
        (["--model", "m", "--prot", "1"], "did you mean '--port'?"),
    ]:
        assert app.run(argv, {}) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith("askwell-server: ") and told in captured.err
        assert captured.err.count("\n") == 1 and not captured.out


def test_chat_model_without_an_end_token_is_refused_in_one_line(tmp_path, capsys):
    manifest = make_tiny_model(tmp_path / "tiny") / MANIFEST_NAME
    changed = {"prompt_style": "chat", "chat_template": "{{ messages }}", "end_tokens": []}
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changed))
    assert app.run(["--model", str(manifest.parent), "--port", "0"], {}) == 2
    assert capsys.readouterr().err == (
        "askwell-server: the manifest names no end token; convert the model again\n"
    )


def test_broken_cost_model_is_refused_in_one_line(tmp_path, capsys):
    folder = make_tiny_model(tmp_path / "tiny")
    (tmp_path / "cost.json").write_text("{}")
    assert app.run(["--model", str(folder), "--cost-model", str(tmp_path / "cost.json")], {}) == 2
    told = capsys.readouterr().err
    assert "cost.json is no cost model: it lacks prefill_call_s" in told and told.count("\n") == 1


def test_model_without_a_certificate_is_refused_in_one_line_when_one_is_required(tmp_path, capsys):
    folder = make_tiny_model(tmp_path / "tiny")
    assert app.run(["--model", str(folder), "--port", "0", "--require-certificate"], {}) == 2
    told = capsys.readouterr().err
    assert f"{folder} has no certificate; measure it here with: askwell-convert certify" in told
    assert told.count("\n") == 1
