"""Stages of the full-size run: which are due, and what a run leaves when one fails."""

import json
from pathlib import Path
from typing import Any

import pytest
from askwell_bench.gptj import command
from askwell_bench.gptj.journal import Journal
from askwell_bench.gptj.room import check_space, memory_lack
from askwell_bench.gptj.shape import Shape
from askwell_bench.gptj.stage import Finding, Stage, Work
from tiny_model import make_tiny_model


def work_in(folder: Path, layers: int = 2) -> Work:
    return Work(folder, layers, "cpu", threads=1)


def finding(_: Work) -> Finding:
    return Finding(("seen",), {"seconds": 1.0})


def failing(_: Work) -> Finding:
    raise RuntimeError("the engine\nwent away")


def due(*stages: Stage) -> dict[str, str]:
    return {stage.name: "no result yet" for stage in stages}


def test_failed_stage_is_recorded_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(tmp_path / "out", work_in(tmp_path))
    stages = [Stage("one", "first", failing), Stage("two", "second", finding)]
    states = command.run_stages(stages, due(*stages), journal)
    assert states == {"one": "failed: the engine went away", "two": "measured"}
    told = {path.name: json.loads(path.read_text()) for path in (tmp_path / "out").iterdir()}
    assert told["gptj-one-cpu-2layers.json"]["failed"] == "the engine went away"
    assert told["gptj-two-cpu-2layers.json"]["seconds"] == 1.0
    assert (told["gptj-two-cpu-2layers.json"]["layers"], told["gptj-two-cpu-2layers.json"]["device"]) == (
        2, "cpu",
    )  # fmt: skip
    assert (journal.has("one"), journal.has("two")) == (False, True)  # so the next run does the first again
    assert capsys.readouterr().err == "askwell-bench: one failed: the engine went away\n"


def test_failure_does_not_replace_what_was_measured(tmp_path: Path) -> None:
    journal = Journal(tmp_path, work_in(tmp_path, layers=28))
    journal.record("one", finding(journal.work))
    journal.record_failure("one", "another time")
    assert json.loads((tmp_path / "gptj-one-cpu.json").read_text())["seconds"] == 1.0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, None),
        ({"failed": "no memory"}, "it failed the last time"),
        ({"failed": {"float16": "no memory"}}, None),  # one engine of several
        ({"partial": True}, "its result is partial"),
        ({"cpu": "B"}, "its result is of another machine, B"),
        ({"layers": 3}, "its result has layers 3, not 2"),
        ({"device": "cuda"}, "its result has device cuda, not cpu"),
    ],
)
def test_result_stands_when_it_is_whole_and_of_this_machine(
    change: dict[str, Any], why: str | None, tmp_path: Path
) -> None:
    journal = Journal(tmp_path, work_in(tmp_path))
    assert journal.why_due("one") == "no result yet"
    journal.record("one", finding(journal.work))
    told = json.loads(journal.path("one").read_text())
    journal.path("one").write_text(json.dumps({**told, **change}))
    assert journal.why_due("one") == why


def test_interrupted_run_keeps_what_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: Work) -> Finding:
        raise KeyboardInterrupt

    journal = Journal(tmp_path, work_in(tmp_path))
    stages = [Stage("one", "first", finding), Stage("two", "second", interrupted)]
    with pytest.raises(KeyboardInterrupt):
        command.run_stages(stages, due(*stages), journal)
    assert (journal.has("one"), journal.has("two")) == (True, False)
    assert f"interrupted; one stays in {tmp_path}" in capsys.readouterr().err


def test_stages_are_chosen_by_name_and_by_device() -> None:
    stages = [
        Stage("convert", "", finding), Stage("decode", "", finding), Stage("gpu-jit", "", finding, "cuda"),
    ]  # fmt: skip
    assert [each.name for each in command.choose(stages, None, "cpu")] == ["convert", "decode"]
    assert [each.name for each in command.choose(stages, ["gpu-jit", "convert"], "cuda")] == [
        "convert", "gpu-jit",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no stage 'decoed'; did you mean decode"):
        command.choose(stages, ["decoed"], "cpu")
    with pytest.raises(ValueError, match="gpu-jit does not run on cpu"):
        command.choose(stages, ["gpu-jit"], "cpu")


def test_room_is_looked_at_before_anything_is_written(tmp_path: Path) -> None:
    needed = command.needed_bytes(["checkpoint", "convert"], work_in(tmp_path), Shape(), stock=True)
    assert needed == pytest.approx(12.1e9 + 2 * 6.05e9, rel=0.02)
    gpu = Work(tmp_path, 28, "cuda", threads=1)
    float16 = [command.needed_bytes([name], gpu, Shape(), stock=True) for name in ("gpu-decode", "gpu-sets")]
    assert float16 == [pytest.approx(12.1e9, rel=0.02), 0]
    make_tiny_model(gpu.float16_model)
    assert command.needed_bytes(["gpu-decode"], gpu, Shape(), stock=True) == 0  # it is there already
    check_space(tmp_path, 1)
    with pytest.raises(ValueError, match=r"GB free and the stages need 1000000\.0 GB; give a folder"):
        check_space(tmp_path, 10**15)
    assert memory_lack(1) is None
    assert memory_lack(10**15) is None or "1000000.0 GB of memory" in str(memory_lack(10**15))
