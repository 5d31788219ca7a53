"""The contest of peers, with programs that speak the protocol and load nothing."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from askwell_bench.peers import command
from askwell_bench.peers.contest import Contest
from askwell_bench.peers.outcome import Outcome, Series
from askwell_bench.peers.process import PeerFailed, PeerProcess
from askwell_bench.peers.variant import ALL, BUILT, NAMES, REASON, Site, Variant
from askwell_bench.peers.workload import Request, Source, Workload
from askwell_manifest import MANIFEST_NAME, file_record, read_manifest
from tiny_model import make_tiny_model

pytestmark = pytest.mark.usefixtures("no_pause")
ROOT = Path(__file__).resolve().parents[2]
PROTOCOL = ROOT / "benchmarks" / "peers" / "protocol"

PEER = """
import os
from peer_protocol import Answer, Facts, main, one_by_one, own_process

class Fake:
    def __init__(self, settings):
        self.facts = Facts("1.0", "weights", "float32", settings.threads or 2)
        self.jobs = 0
    def nll(self, window):
        print("a library prints what it likes")
        os.write(1, b"and so does its C++ part\\n")
        return 2.0 * (len(window) - 1)
    def serve(self, requests, clock):
        self.jobs += 1
        return one_by_one(requests, clock, lambda request: self.answer(request, clock))
    def answer(self, request, clock):
        {act}
        counts = [request.new_tokens - {missing}] * request.samples
        return Answer(clock.now_s(), clock.now_s(), counts, [1, 2, 3])
    def processes(self):
        return own_process()
    def close(self):
        pass

main(Fake)
"""
SEGFAULT = "import signal; self.jobs == 3 and os.kill(os.getpid(), signal.SIGSEGV)"
RAISES = "self.jobs == 3 and [][0]"


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("askwell_bench.peers.contest.PAUSE_S", 0.0)


def add_peer(folder: Path, name: str, act: str = "pass", missing: int = 0) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "peer.py").write_text(PEER.replace("{act}", act).replace("{missing}", str(missing)))
    shutil.copytree(PROTOCOL, folder / "protocol", dirs_exist_ok=True)


def request(due_s: float = 0.0) -> Request:
    return Request((1, 2, 3), "one two three", 2, 5, due_s)


def contest(folder: Path, names: list[str], rounds: int = 3) -> list[Outcome]:
    """The outcomes of so many rounds of a workload."""
    work = [Workload("set", tuple((request(),) for _ in range(rounds + 1)))]
    variants = [Variant(name, "a way") for name in names]
    found = Contest(Site(folder, folder, folder / "a.Q4_1.gguf"), variants, str)
    try:
        found.prepare(work, [[1, 2, 3, 4]], [0])
        for number in range(1, rounds + 1):
            found.round(number, work)
    finally:
        found.close()
    return found.outcomes


@pytest.mark.parametrize(("act", "reason"), [(SEGFAULT, "died of SIGSEGV"), (RAISES, "IndexError")])
def test_dying_peer_is_listed_with_its_reason_and_the_others_go_on(
    tmp_path: Path, act: str, reason: str
) -> None:
    for name, how in (("askwell", "pass"), ("mortal", act), ("other", "pass")):
        add_peer(tmp_path, name, how)
    ours, mortal, other = contest(tmp_path, ["askwell", "mortal", "other"])
    assert reason in (mortal.absent or "")
    assert list(mortal.series["set"].seconds) == [1]  # the warm-up is the first job and does not count
    assert len(mortal.figures(ours, {"set": False})["results"]["set"]["ratio"]) == 1
    assert ours.absent is other.absent is None
    assert list(other.series["set"].seconds) == [1, 2, 3]


def test_peer_that_writes_other_counts_is_marked_and_not_compared(tmp_path: Path) -> None:
    add_peer(tmp_path, "askwell")
    add_peer(tmp_path, "lazy", missing=1)
    add_peer(tmp_path, "honest")
    ours, lazy, honest = contest(tmp_path, ["askwell", "lazy", "honest"], rounds=1)
    timed = {"set": False}
    assert lazy.figures(ours, timed)["results"]["set"]["equal_tokens"] is False
    assert lazy.measures(ours, timed) == []
    assert honest.figures(ours, timed)["results"]["set"]["equal_tokens"] is True
    (measure,) = honest.measures(ours, timed)
    assert (measure.name, measure.better, measure.relative) == ("honest a way set", "higher", True)


def test_facts_perplexity_and_a_sample_are_told(tmp_path: Path) -> None:
    add_peer(tmp_path, "askwell")
    (ours,) = contest(tmp_path, ["askwell"], rounds=1)
    assert (ours.version, ours.weights, ours.compute, ours.threads) == ("1.0", "weights", "float32", 2)
    assert ours.perplexity == pytest.approx(7.389, abs=1e-3)  # e to the 2 nats that each token takes
    assert ours.perplexity_tokens == 3
    assert ours.sample == "[1, 2, 3]"
    assert ours.memory_mib is not None and ours.memory_mib > 1


def reply(seconds: float, *ends_s: float) -> dict[str, Any]:
    answers = [{"counts": [5, 5], "first_s": end_s / 2, "end_s": end_s} for end_s in ends_s]
    return {"seconds": seconds, "answers": answers, "memory_mib": 1.0}


def test_ratios_are_of_the_same_round_and_only_of_rounds_both_finished() -> None:
    ours, theirs = Series(), Series()
    for number, seconds in ((1, 2.0), (2, 4.0)):
        ours.add(number, [request()], reply(seconds, seconds))
    for number, seconds in ((1, 3.0), (2, 2.0), (3, 9.0)):
        theirs.add(number, [request()], reply(seconds, seconds))
    assert theirs.ratios(ours, timed=False) == [1.5, 0.5]


def test_latencies_count_from_when_a_request_was_due() -> None:
    ours, theirs = Series(), Series()
    asked = [request(0.0), request(10.0), request(20.0)]
    ours.add(1, asked, reply(21.0, 1.0, 11.0, 21.0))
    theirs.add(1, asked, reply(24.0, 4.0, 12.0, 24.0))  # it took 4, 2 and 4 s
    assert theirs.ratios(ours, timed=True) == [4.0]  # and not 24 / 21, for the requests came over 20 s
    figures = theirs.figures(ours, timed=True)
    assert figures["end_ms"]["p50"] == pytest.approx(4000)
    assert figures["tokens_per_s"] == pytest.approx(30 / 24)


def test_peer_without_an_environment_or_weights_says_what_to_do(tmp_path: Path) -> None:
    add_peer(tmp_path, "llama_cpp")
    folder = tmp_path / "llama_cpp"
    (folder / "requirements.txt").write_text("numpy==2.4.6\n")
    site, variant = (
        Site(tmp_path, tmp_path, tmp_path / "m.Q4_1.gguf"),
        Variant("llama_cpp", "library", "Q8_0"),
    )

    def reason() -> str:
        with pytest.raises(PeerFailed) as failed:
            site.python(variant)
        return str(failed.value)

    assert reason() == "not built; run: make bench-peers"
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    assert reason() == "not built; run: make bench-peers"  # pip was interrupted
    (folder / ".venv" / BUILT).write_text("requirements")
    assert "m.Q8_0.gguf; run: make bench-peers" in reason()
    (folder / ".venv" / REASON).write_text("not built: no compiler\n")
    assert reason() == "not built: no compiler"


def test_peer_that_does_not_answer_in_time_has_failed(tmp_path: Path) -> None:
    add_peer(tmp_path, "slow", "clock.wait_until(60)")
    process = PeerProcess(Path(sys.executable), tmp_path / "slow" / "peer.py")
    try:
        process.ask("load", 20, way="", model="", gguf="", end_ids=[])
        asked = [{"prompt": [1], "text": "", "samples": 1, "new_tokens": 1}]
        with pytest.raises(PeerFailed, match="no answer within 0 s"):
            process.ask("serve", 0.2, requests=asked)
    finally:
        process._process.kill()
        process.close()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    whole = replace(read_manifest(folder), files={"model.bin": file_record(folder / "model.bin")})
    (folder / MANIFEST_NAME).write_text(whole.to_json(), encoding="utf-8")
    return folder


def test_rounds_ask_the_same_lengths_of_other_prompts(tiny: Path) -> None:
    source = Source(tiny, read_manifest(tiny), ROOT / "examples")
    (one, again) = (source.workload("one", 2, 0, 1.0) for _ in range(2))
    assert one == again
    assert len({asked[0].prompt for asked in one.rounds}) == 3
    for asked in one.rounds:
        assert source._encode(asked[0].text) == asked[0].prompt
        assert (len(asked[0].prompt), asked[0].new_tokens) == (128, 64)
    with pytest.raises(ValueError, match="positions; the model has 256"):
        source.workload("mixed", 1, 40, 1.0)


@pytest.fixture
def bench(tiny: Path, tmp_path: Path) -> Callable[..., int]:
    """Runs the command over the peers of ``tmp_path``."""
    from askwell_bench.command import main

    def run(*flags: str) -> int:
        return main([
            "peers", "--model", str(tiny), "--peers-dir", str(tmp_path), "--workloads", "one",
            "--examples", str(ROOT / "examples"), "--out", str(tmp_path / "out"), *flags,
        ])  # fmt: skip

    return run


def test_result_names_every_peer_and_is_whole(
    bench: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_peer(tmp_path, "askwell")
    add_peer(tmp_path, "ctranslate2")
    assert bench("--rounds", "2") == 0
    told = json.loads((tmp_path / "out" / "peers.json").read_text())
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == told
    assert [each["name"] for each in told["peers"]] == [variant.name for variant in ALL]
    assert {each["name"] for each in told["peers"] if each["absent"]} == {
        "transformers", "llama_cpp", "openvino",
    }  # fmt: skip
    assert (told["partial"], told["rounds"]) == (False, 2)
    assert told["workloads"]["one"] == {
        "rounds": 2, "requests": 1, "prompt_tokens": 128, "new_tokens": 64, "samples": 1, "rate_per_s": None,
        "ratio_of": "seconds",
    }  # fmt: skip
    ours = told["peers"][0]
    assert ours["name"] == "askwell" and ours["results"]["one"]["ratio"] == [1.0, 1.0]


def test_interrupted_run_keeps_the_rounds_it_has(
    bench: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_peer(tmp_path, "askwell")
    whole_round = command.Contest.round

    def interrupted(self: Contest, number: int, workloads: Any) -> None:
        if number == 2:
            assert json.loads((tmp_path / "out" / "peers.json").read_text())["partial"] is True
            raise KeyboardInterrupt
        whole_round(self, number, workloads)

    monkeypatch.setattr(command.Contest, "round", interrupted)
    assert bench("--rounds", "3") == 1
    told = json.loads((tmp_path / "out" / "peers.json").read_text())
    assert (told["partial"], told["rounds"]) == (True, 1)
    assert len(told["peers"][0]["results"]["one"]["seconds"]) == 1


def test_wrong_input_is_one_line(bench: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    for flags, words in (
        (("--only", "vllm"), "'vllm' is none of askwell, "),
        (("--rounds", "0"), "at least 1 round"),
        (("--examples", "nowhere"), "nowhere holds no jobs/ and resumes/"),
    ):
        assert bench(*flags) == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1


def test_every_peer_has_a_program_and_pinned_requirements() -> None:
    for name in NAMES:
        folder = ROOT / "benchmarks" / "peers" / name
        assert (folder / "peer.py").is_file()
        if name != "askwell":
            lines = (folder / "requirements.txt").read_text().splitlines()
            assert all(line.count("==") == 1 and "/" not in line for line in lines)
