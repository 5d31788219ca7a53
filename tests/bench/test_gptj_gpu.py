"""The GPU stages on a CPU, with a tiny GPT-J: what they demand and measure, and what a failure leaves."""

import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from askwell_bench.gptj import (
    gpu_allocator,
    gpu_card,
    gpu_decode,
    gpu_engine,
    gpu_fidelity,
    gpu_jit,
    gpu_mlperf,
    gpu_sampling,
    gpu_sets,
    gpu_transformers,
)
from askwell_bench.gptj.gpu import FIDELITY, GPU_STAGES
from askwell_bench.gptj.gpu_engine import Engine
from askwell_bench.gptj.gpu_folder import converted
from askwell_bench.gptj.gpu_lineup import Lineup
from askwell_bench.gptj.gpu_worker import Deadline, Worker, WorkerError
from askwell_bench.gptj.stage import Finding, Work
from checkpoints import TINY_GPTJ

WORKER = """
import os, sys, time
from askwell_bench.gptj.gpu_worker import finite, serve

class Subject:
    def __init__(self, name):
        print("a library's own words")
        self.name = name
    def facts(self):
        return {"name": self.name}
    def add(self, a, b):
        print("more of them")
        return {"sum": a + b}
    def wrong(self):
        finite({"perplexity": float("nan")})
    def hang(self):
        time.sleep(60)
    def die(self):
        print("illegal memory access", file=sys.stderr, flush=True)
        os.abort()

serve(Subject)
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """A checkpoint of two layers and its int8 model, for the CPU."""
    work = Work(tmp_path_factory.mktemp("gptj"), layers=2, device="cpu", threads=1)
    shutil.copytree(TINY_GPTJ, work.checkpoint)
    converted(work.checkpoint, work.model, Deadline.after(60))
    return work


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "a_worker.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Worker("a_worker", {"name": "tiny"}, Deadline.after(60)) as worker:
        yield worker


def with_card(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose nvidia-smi tells of a GPU, and whose ctranslate2 sees one."""
    program = folder / "nvidia-smi"
    program.write_text(
        '#!/bin/sh\ncase "$1" in *name*) echo "NVIDIA H100 80GB HBM3, 580.1, 81559";; *) echo 512;; esac\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setattr(gpu_card, "_COUNT", "print(1)")


@pytest.mark.parametrize("stage", GPU_STAGES, ids=lambda stage: stage.name)
def test_without_a_gpu_a_stage_is_refused_in_one_line(
    stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_card, "_COUNT", "print(0)")
    with pytest.raises(RuntimeError) as refusal:
        stage.measure(Work(tmp_path, 28, "cuda", 1))
    assert "no NVIDIA GPU" in str(refusal.value) and "\n" not in str(refusal.value)
    with pytest.raises(RuntimeError, match="--device cuda"):
        stage.measure(Work(tmp_path, 28, "cpu", 1))


def test_no_speed_is_told_before_the_fidelity_of_the_same_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_card(tmp_path, monkeypatch)
    work = Work(tmp_path, 28, "cuda", 1)
    fidelity, decode = GPU_STAGES[0], GPU_STAGES[1]
    assert fidelity.name == FIDELITY
    with pytest.raises(RuntimeError, match=f"run {FIDELITY} on this NVIDIA H100"):
        decode.measure(work)
    with pytest.raises(RuntimeError, match="--default-model GGUF and --texts"):
        fidelity.measure(work)
    monkeypatch.setattr(gpu_fidelity, "measure", lambda work: Finding(("int8 × 1.01",), {}))
    assert fidelity.measure(work).figures["gpu"]["memory_mib"] == 81559
    work.model.mkdir()
    monkeypatch.setattr(gpu_card, "_DATA_SHEET_GB_S", ())
    with pytest.raises(RuntimeError):  # the model is empty, but the stage has begun
        decode.measure(work)
    assert "int8 × 1.01" in capsys.readouterr().out
    (tmp_path / "gpu-fidelity.json").write_text('{"card": "another", "lines": ["int8"]}')
    with pytest.raises(RuntimeError, match=f"run {FIDELITY}"):
        decode.measure(work)


def test_a_card_is_what_nvidia_smi_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_card(tmp_path, monkeypatch)
    card = gpu_card.find_card()
    assert (card.name, card.driver, card.data_sheet_gb_s) == ("NVIDIA H100 80GB HBM3", "580.1", 3350.0)
    assert gpu_card.memory_used_mib() == 512


def test_a_worker_answers_however_much_its_libraries_print(worker: Worker) -> None:
    assert worker.opened == {"name": "tiny"}
    assert worker.ask("add", a=1, b=2) == {"sum": 3}


def test_a_failed_answer_is_one_line_and_the_worker_lives(worker: Worker) -> None:
    with pytest.raises(WorkerError, match="perplexity came out as no finite number"):
        worker.ask("wrong")
    assert worker.ask("add", a=1, b=2) == {"sum": 3}


def test_a_worker_that_takes_too_long_is_killed(worker: Worker) -> None:
    with pytest.raises(WorkerError, match="no answer within 0 s"):
        worker.ask("hang", limit_s=0.2)
    assert not worker.alive


def test_a_worker_that_dies_leaves_its_last_words(worker: Worker) -> None:
    with pytest.raises(WorkerError, match="died of SIGABRT: illegal memory access"):
        worker.ask("die")


def test_a_stage_out_of_time_keeps_what_it_has_and_says_so() -> None:
    rows = []
    with Lineup(limit_s=0) as lineup:
        rows.append("before")
        lineup.open("late", "a_worker", {})
        rows.append("after")
    assert rows == ["before"]
    assert lineup.told() == {"partial": True, "failed": {"time": "the stage's time is used up"}}


def test_decoding_is_told_by_batch_size_and_engine(work: Work) -> None:
    sizes = gpu_decode.Sizes((1, 2), (2,), (8,), prompt_tokens=16, new_tokens=8, rounds=2, bandwidth_gb=0.01)
    found = gpu_decode.measure(work, sizes)
    assert [row["rows"] for row in found.figures["decode"]] == [1, 2]
    assert all(row["int8_float32"]["step_ms"]["median"] > 0 for row in found.figures["decode"])
    assert [name in row for row in found.figures["decode"] for name in (gpu_decode.SAFE,)] == [False, True]
    assert {measure.name for measure in found.measures if measure.relative} == {
        "int8_over_float16_rows_1",
        "int8_over_float16_rows_2",
    }


def test_memory_of_a_batch_leaves_out_what_other_engines_hold(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = iter([1000, 1400, 5000, 5250])  # loading, loaded; another engine came; the batch's last step
    monkeypatch.setattr(gpu_engine, "_used_mib", lambda device: next(seen))
    engine = Engine(str(work.model), "cpu", "int8_float32", 1)
    assert engine.facts()["memory_mib"] == 400
    assert engine.peak(1, 8, 4) == {"memory_mib": 400 + 250}


def test_sampling_is_held_against_greedy(work: Work) -> None:
    sizes = gpu_sampling.Sizes(((1, 1.0), (50, 0.95), (0, 0.95)), (1,), 16, 8, rounds=2)
    found = gpu_sampling.measure(work, sizes)
    assert [(row["top_k"], "added_ms" in row) for row in found.figures["sampling"]] == [
        (1, False),
        (50, True),
    ]
    assert any("top-p needs a top-k" in why for why in found.figures["failed"].values())


def test_an_allocator_that_cannot_be_had_is_named_and_the_others_are_measured(work: Work) -> None:
    sizes = gpu_allocator.Sizes(((1, 16),), 8, rounds=2, pauses=1, pause_s=0.0)
    found = gpu_allocator.measure(work, sizes)
    assert "cub_caching" in found.figures["steps"][0]
    missing = gpu_allocator.KEPT not in found.figures["steps"][0]
    assert missing == any(gpu_allocator.KEPT in what for what in found.figures.get("failed", ()))


def test_first_requests_are_told_with_an_empty_and_a_kept_cache(work: Work) -> None:
    found = gpu_jit.measure(work, gpu_jit.Sizes(prompt_tokens=8, new_tokens=4, rounds=1))
    assert found.figures["empty cache"]["first_s"]["median"] > 0
    assert found.figures["kept cache"]["second_s"]["median"] > 0


def test_question_sets_run_directly_and_served(work: Work) -> None:
    sizes = gpu_sets.Sizes((2,), 3, 40, 8, new_tokens=8, batch_rows=(4,), rounds=2)
    found = gpu_sets.measure(work, sizes)
    assert set(found.figures["sets"][0]) == {"sets", gpu_sets.PREFIX, gpu_sets.TOGETHER, "server, 4 rows"}
    assert [measure.name for measure in found.measures] == ["throughput_ratio_server_4_rows_sets_2"]


def test_long_prompts_run_greedy_and_with_beams(work: Work) -> None:
    sizes = gpu_mlperf.Sizes((2,), (1,), prompt_tokens=64, new_tokens=8, rounds=2)
    found = gpu_mlperf.measure(work, sizes)
    assert [(row["rows"], row["beams"]) for row in found.figures["batches"]] == [(2, 1), (1, 4)]
    assert all("server" in row and "int8_float32" in row for row in found.figures["batches"])


def test_float32_is_its_own_reference_and_int8_is_not(work: Work, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Tell me about a time when you disagreed with a decision, and what you did. " * 4)
    deadline = Deadline.after(60)
    whole = converted(work.checkpoint, tmp_path / "whole", deadline, "--quantization", "float32")
    told = {}
    for name, model, kind in (("int8", work.model, "int8_float32"), ("float32", whole, "float32")):
        settings = {"model": str(model), "reference": str(whole), "device": "cpu", "compute_type": kind}
        with Worker("askwell_bench.gptj.gpu_mind", {**settings, "threads": 1}, deadline) as minds:
            told[name] = minds.ask("compare", texts=[str(text)])
    assert told["float32"]["cpu"]["mean_kl"] == 0 and told["float32"]["device"]["same_top1"] == 1
    assert told["int8"]["cpu"]["mean_kl"] > 0


@pytest.mark.torch
def test_transformers_is_measured_beside_ctranslate2(work: Work) -> None:
    found = gpu_transformers.measure(work, gpu_transformers.Sizes((2,), (8,), 16, 8, rounds=2))
    assert set(found.figures["decode"][0]) == {"rows", "transformers", "int8_float32", "float32"}
    assert len(found.measures) == 4
