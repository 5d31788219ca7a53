"""What a server costs: equal work on both sides, known ratios, and runs that end before they are done."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from askwell_bench import first_token, overhead, serving
from askwell_bench.command import main
from askwell_bench.direct import DirectEngine
from askwell_bench.first_token import FirstTokens
from askwell_server.engine.spawn import ENGINE_ENV
from tiny_model import make_tiny_model

DATA = Path(__file__).resolve().parents[1] / "data"
WENT_AWAY = RuntimeError("the server\nwent away")


def test_direct_side_runs_in_the_engines_environment_and_says_in_a_line_why_it_cannot(
    tmp_path: Path,
) -> None:
    with DirectEngine(make_tiny_model(tmp_path / "m"), threads=1) as engine:
        environment = Path(f"/proc/{engine.pid}/environ").read_text().split("\0")
        assert {f"{name}={value}" for name, value in ENGINE_ENV.items()} <= set(environment)
    with pytest.raises(RuntimeError, match="no model folder at"), DirectEngine(tmp_path / "nope", threads=1):
        pass


def test_overhead_compares_equal_work_three_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    convert = [
        str(Path(sys.executable).parent / "askwell-convert"),
        str(DATA / "tiny-gptj"),
        str(tmp_path / "m"),
    ]
    subprocess.run([*convert, "--quantization", "float32"], check=True, capture_output=True)
    lengths = ("--prompt-tokens", "8", "--new-tokens", "4", "--threads", "1", "--batches", "1")
    model = str(tmp_path / "m")
    assert main(["overhead", "--model", model, "--short", "--first-token-pairs", "3", *lengths]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["pairs"], found["first_token_pairs"], found["new_tokens"]) == (3, 3, 4)  # the flags win
    assert {name: len(each["values"]) for name, each in found["measures"].items()} == {
        "throughput_ratio": 3, "streamed_ratio": 3, "added_first_token_ms": 3, "first_token_ratio": 3,
    }  # fmt: skip


def test_ratio_is_the_direct_time_over_the_servers() -> None:
    rounds = [overhead._Round(direct_s=1.0, batch_s=2.0, streams_s=4.0)] * 3
    figures = overhead._figures(rounds, FirstTokens([0.010] * 3, [0.012] * 3))
    assert (figures["throughput_ratio"], figures["streamed_ratio"]) == (0.5, 0.25)
    assert figures["added_first_token_ms"] == pytest.approx(2.0)
    assert {each.name: each.values for each in overhead._measures(rounds)} == {
        "throughput_ratio": (0.5, 0.5, 0.5),
        "streamed_ratio": (0.25, 0.25, 0.25),
    }


def dies_after(times: int, error: BaseException) -> Callable[..., float]:
    """Takes 20 ms so many times, and then no more."""
    calls = itertools.count()

    def seconds(*_: object) -> float:
        if next(calls) == times:
            raise error
        return 0.020

    return seconds


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model that neither side loads: what they take is made up."""
    for module in (first_token, overhead):
        direct = SimpleNamespace(batches_s=lambda *_: 0.010)
        monkeypatch.setattr(module, "DirectEngine", lambda *_, direct=direct: nullcontext(direct))
        monkeypatch.setattr(module, "running_server", lambda *_: nullcontext("127.0.0.1:1"))
        monkeypatch.setattr(module, "Client", nullcontext)
        monkeypatch.setattr(module, "check_precision", lambda *_: None)
        monkeypatch.setattr(module, "model_facts", lambda _: {})
        monkeypatch.setattr(module, "PAUSE_S", 0.0)
    monkeypatch.setattr(first_token, "_direct_s", lambda *_: 0.010)
    monkeypatch.setattr(first_token, "_served_s", lambda *_: 0.020)
    return str(make_tiny_model(tmp_path / "m"))


def measure(benchmark: str, model: str, out: Path, *flags: str) -> int:
    lengths = ("--prompt-tokens", "8", "--threads", "1", "--pairs", "9")
    return main([benchmark, "--model", model, "--out", str(out), *lengths, *flags])


@pytest.mark.parametrize(
    ("error", "stopped"), [(WENT_AWAY, "the server went away"), (KeyboardInterrupt(), "interrupted")]
)
def test_pairs_before_the_server_dies_or_ctrl_c_are_kept_and_marked_partial(
    error: BaseException, stopped: str, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_token, "_served_s", dies_after(first_token._WARM_UP + 4, error))
    assert measure("first-token", model, tmp_path) == 1
    told = json.loads((tmp_path / "first-token-threads-1.json").read_text())
    assert (told["partial"], told["stopped"], told["pairs"]) == (True, stopped, 4)
    assert told["measures"]["added_first_token_ms"]["values"] == pytest.approx([10.0] * 4)


def test_rounds_before_the_server_dies_are_kept_and_marked_partial(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, streams = dies_after(1000, WENT_AWAY), dies_after(1 + 3, WENT_AWAY)  # 1: the warm-up

    async def batch_s(*_: object) -> float:
        return batch()

    async def streams_s(*_: object) -> float:
        return streams()

    monkeypatch.setattr(overhead, "_batch_s", batch_s)
    monkeypatch.setattr(overhead, "_streams_s", streams_s)
    assert measure("overhead", model, tmp_path, "--batches", "1", "--first-token-pairs", "3") == 1
    told = json.loads((tmp_path / "overhead.json").read_text())
    assert (told["partial"], told["stopped"], told["pairs"]) == (True, "the server went away", 3)
    assert told["measures"]["throughput_ratio"]["values"] == [0.5] * 3


def test_fewer_than_three_rounds_are_one_line(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(first_token, "_served_s", dies_after(first_token._WARM_UP + 2, WENT_AWAY))
    assert measure("first-token", model, tmp_path) == 2
    told = "the server went away (after 2 of the 3 rounds that a result takes)"
    assert capsys.readouterr().err == f"askwell-bench: {told}\n"
    assert not list(tmp_path.glob("*.json"))


def test_server_that_hangs_while_it_starts_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "server"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(serving, "_PROGRAM", str(program))
    monkeypatch.setattr(serving, "_START_LIMIT_S", 1.0)
    with (
        pytest.raises(RuntimeError, match="did not start within 1 s"),
        serving.running_server(tmp_path),
    ):
        pass
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
