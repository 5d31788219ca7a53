"""The full-size run, on a model of two thin layers: what each stage does and finds."""

import os
import resource
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from askwell_bench.gptj import checkpoint, command, decode, serve
from askwell_bench.gptj.checkpoint import checkpoint_stage, is_complete, write_checkpoint
from askwell_bench.gptj.child import answer, run_process
from askwell_bench.gptj.convert import convert_stage
from askwell_bench.gptj.journal import Journal
from askwell_bench.gptj.mlperf import mlperf_stage
from askwell_bench.gptj.pace import Pace, Plan, Probe, fit
from askwell_bench.gptj.shape import Shape
from askwell_bench.gptj.stage import Finding, Work
from askwell_bench.gptj.vocabulary import write_tokenizer
from askwell_convert.tokenizer import model_vocabulary
from safetensors.numpy import load_file
from tokenizers import Tokenizer

THIN = Shape(layers=2, width=64, heads=4, rotary=8, vocabulary=600, positions=128)
NO_TORCH = Path("no/such/python")


def work_in(folder: Path, layers: int = 2) -> Work:
    return Work(folder, layers, "cpu", threads=1)


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Work, Finding]:
    work = work_in(tmp_path_factory.mktemp("gptj"))
    list(write_checkpoint(work.checkpoint, THIN))
    return work, convert_stage(1, NO_TORCH).measure(work)


def test_checkpoint_holds_gptj_in_float16_with_weights_of_a_realistic_scale(tmp_path: Path) -> None:
    assert list(write_checkpoint(tmp_path, THIN))[-1] == 1.0
    weights = load_file(tmp_path / "model.safetensors")
    assert {name: value.shape for name, value in weights.items()} == dict(THIN.tensors())
    assert {value.dtype for value in weights.values()} == {np.dtype(np.float16)}
    deviation = {name: float(value.astype(np.float32).std()) for name, value in weights.items()}
    assert deviation["lm_head.weight"] == pytest.approx(0.02, rel=0.05)
    assert deviation["transformer.h.1.attn.q_proj.weight"] == pytest.approx(0.02, rel=0.05)
    assert deviation["transformer.h.1.mlp.fc_out.weight"] == pytest.approx(0.01, rel=0.05)  # 0.02 / sqrt(4)
    assert np.all(weights["transformer.h.0.ln_1.weight"] == 1)
    assert not np.any(weights["transformer.ln_f.bias"])


def test_full_size_is_gptj_6b() -> None:
    assert Shape().weights_bytes == 2 * 6_050_882_784


def test_same_seed_writes_the_same_checkpoint(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        list(write_checkpoint(tmp_path / name, THIN, seed))
    first, again, other = ((tmp_path / name / checkpoint.WEIGHTS).read_bytes() for name in "abc")
    assert first == again != other


def test_interrupted_checkpoint_is_not_taken_for_whole(tmp_path: Path) -> None:
    unfinished = write_checkpoint(tmp_path, THIN)
    next(unfinished)
    unfinished.close()
    assert not is_complete(tmp_path, THIN)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.json", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    list(write_checkpoint(tmp_path, THIN))
    assert is_complete(tmp_path, THIN)
    assert not is_complete(tmp_path, replace(THIN, layers=3))
    os.truncate(tmp_path / checkpoint.WEIGHTS, 1000)
    assert not is_complete(tmp_path, THIN)


def test_checkpoint_is_written_in_bounded_memory_and_only_once(tmp_path: Path) -> None:
    work = work_in(tmp_path)
    told = checkpoint_stage(THIN).measure(work).figures
    assert told["bytes"] == (work.checkpoint / checkpoint.WEIGHTS).stat().st_size
    # A child's highest mark begins with its parent's: this process, which other tests made large.
    assert told["peak_mb"] < max(300, 1.1 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
    assert checkpoint_stage(THIN).measure(work).figures == {**told, "reused": True}


def test_made_up_vocabulary_has_gptjs_size_and_encodes_any_text(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, 50_400, 2048)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    vocabulary = model_vocabulary(tokenizer, 50_400, "never {}", "here")
    assert len(set(vocabulary)) == tokenizer.get_vocab_size() == 50_400
    assert (vocabulary[50_256], vocabulary[50_399]) == ("<|endoftext|>", "<|extratoken_143|>")
    text = "Wie führt man ein Team? 让 \x00"
    ids = tokenizer.encode(text).ids
    assert tokenizer.decode(ids) == text
    assert len(ids) < len(text.encode())


def test_conversion_is_measured_alone_where_there_is_no_torch(converted: tuple[Work, Finding]) -> None:
    work, found = converted
    assert found.figures["ours"]["bytes"] == sum(path.stat().st_size for path in work.model.iterdir())
    assert len(found.figures["ours"]["seconds"]) == len(found.figures["ours"]["peak_mb"]) == 1
    assert found.figures["stock"] == {
        "absent": "no torch environment (name the Python of one with --stock-python)"
    }
    assert found.measures == ()


@pytest.mark.torch
def test_both_converters_take_turns_and_the_stock_output_goes(tmp_path: Path) -> None:
    work = work_in(tmp_path)
    list(write_checkpoint(work.checkpoint, THIN))
    found = convert_stage(2, Path(sys.executable)).measure(work)
    assert [len(measure.values) for measure in found.measures] == [2, 2]
    assert all(measure.relative for measure in found.measures)
    assert found.figures["stock"]["versions"].keys() == {"torch", "transformers", "ctranslate2"}
    assert {path.name for path in tmp_path.iterdir()} == {work.checkpoint.name, work.model.name}


def test_decode_tells_each_batch_size_and_its_share_of_the_roofline(
    converted: tuple[Work, Finding], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "read_gb_per_s", lambda threads: 8.0)
    figures = decode.STAGE.measure(converted[0]).figures
    (run,) = figures["runs"]
    assert [each["rows"] for each in run["step"]] == [1, 2, 4, 8, 16, 32]
    assert [each["tokens"] for each in run["prefill"]] == [16, 32]
    layer = 12 * 64 * 64 + 4 * (3 + 1 + 4 + 1) * 64  # int8, and a float32 scale a row
    assert figures["step_bytes"] > 2 * layer + 600 * 64  # and the head, but not the embedding
    assert figures["step_bytes"] < 2 * layer + 2 * 600 * 64
    for each in run["step"]:
        assert each["roofline_share"] == pytest.approx(figures["step_bytes"] / 8e6 / each["ms"])
    assert run["peak_mb"] >= run["rss_mb"] > 0


def test_decode_leaves_out_what_it_has_no_time_for(
    converted: tuple[Work, Finding], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "read_gb_per_s", lambda threads: 8.0)
    monkeypatch.setattr(decode, "_BUDGET_S", -1.0)
    found = decode.STAGE.measure(converted[0])
    (run,) = found.figures["runs"]
    assert run["step"] == run["prefill"] == []
    assert len([line for line in found.lines if line.startswith("left out")]) == 8


def test_serve_reports_server_and_engine_at_equal_work(converted: tuple[Work, Finding]) -> None:
    figures = serve.STAGE.measure(converted[0]).figures
    assert figures["set"].keys() == {"rows", "prompt_tokens", "new_tokens", "seconds", "tokens_per_s"}
    for side in (figures, figures["direct"]):
        assert min(side["load_s"], side["rss_mb"], side["first_token_ms"]) > 0
    assert figures["direct"]["decode_tokens_per_s"] > 0  # the server may send so small a text in one piece


def test_mlperf_shape_runs_greedy_and_with_beams(converted: tuple[Work, Finding]) -> None:
    figures = mlperf_stage(2).measure(converted[0]).figures
    assert (figures["samples"], figures["prompt_tokens"], figures["new_tokens"]) == (2, 62, 8)
    for way in ("greedy", "beam4"):
        assert figures[way]["samples"] == 2
        assert figures[way]["tokens_per_s"] == pytest.approx(8 / figures[way]["seconds"])
    assert figures["note"].startswith("MLPerf's shape only") and "shortened" not in figures["note"]


def test_pace_is_read_off_two_probes() -> None:
    def probe(prompt: int) -> Probe:
        return Probe(prompt, 0.02 * prompt, 0.25 + 0.0005 * prompt)

    pace = Pace.of_probes(probe(64), probe(256))
    assert (pace.token_s, pace.step_s, pace.context_s) == pytest.approx((0.02, 0.25, 0.0005))
    assert pace.sample_s(Plan(1, 1000, 128)) == pytest.approx(20 + 128 * (0.25 + 0.0005 * 1064))


def test_plan_is_cut_samples_first_then_outputs_then_inputs() -> None:
    pace = Pace(token_s=0.02, step_s=0.5, context_s=0.0)  # a sample of 1000 + 128 tokens takes 84 s
    asked = Plan(3, 1000, 128)
    assert fit(asked, pace, 300) == asked
    assert fit(asked, pace, 200) == Plan(2, 1000, 128)
    assert fit(asked, pace, 60.5) == Plan(1, 1000, 81)
    assert fit(asked, pace, 30) == Plan(1, 750, 30)


def test_process_that_takes_too_long_is_ended_and_has_told_what_it_knew() -> None:
    code = "import time; print('known', flush=True); time.sleep(60)"
    ended = run_process([sys.executable, "-c", code], limit_s=1.0)
    assert (ended.output, ended.late) == (("known\n",), True)
    assert ended.failure == f"not finished within {ended.seconds:.0f} s"


def test_process_that_fails_says_why_in_one_line() -> None:
    code = "import sys; print('warning', file=sys.stderr); sys.exit('no such model')"
    assert run_process([sys.executable, "-c", code], limit_s=30).failure == "no such model"
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert "for want of memory" in str(run_process([sys.executable, "-c", kill], limit_s=30).failure)


def test_child_keeps_what_it_told_before_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        yield {"seconds": request["seconds"]}
        raise ValueError("then\nit broke")

    monkeypatch.setattr(sys, "argv", ["child", '{"seconds": 2}'])
    assert answer(work) == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == ('{"seconds": 2}\n', "ValueError: then it broke\n")


def test_peak_memory_is_the_childs_own() -> None:
    code = "block = b'x' * 900_000_000"  # more than the tests themselves hold
    small = run_process([sys.executable, "-c", "pass"], limit_s=30)
    large = run_process([sys.executable, "-c", code], limit_s=30)
    assert large.peak_mb > 900
    assert large.peak_mb > small.peak_mb or os.name != "posix"


def test_stage_whose_files_are_gone_is_due_again_and_a_skipped_one_says_so(
    converted: tuple[Work, Finding], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work, found = converted
    stages = [checkpoint_stage(THIN), convert_stage(1, NO_TORCH)]
    journal = Journal(tmp_path, work)
    for stage in stages:
        journal.record(stage.name, found)
    assert [command.why_due(stage, journal) for stage in stages] == [None, None]
    assert command.why_due(stages[0], journal, again=True) == "asked for again"
    assert command.run_stages(stages, {}, journal) == {"checkpoint": "skipped", "convert": "skipped"}
    assert "convert: there already" in capsys.readouterr().out
    emptied = Journal(tmp_path, replace(work, folder=tmp_path))
    gone = f"what it made is no longer in {tmp_path}"
    assert [command.why_due(stage, emptied) for stage in stages] == [gone, gone]
