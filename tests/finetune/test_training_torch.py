"""Whole training runs of tiny models: ``make test-torch``."""

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from askwell_finetune.checkpoint import (  # noqa: E402
    Checkpoint,
    last_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from askwell_finetune.config import read_config  # noqa: E402
from askwell_finetune.errors import FinetuneError  # noqa: E402
from askwell_finetune.learner import AdapterLearner  # noqa: E402
from askwell_finetune.run import run_training  # noqa: E402
from askwell_finetune.standing import Standing  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from tiny_finetune import run_killed_before, tiny_llama, write_config, write_data  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("default")]

SETTINGS = """
[adapter]
rank = 2
dropout = 0.2
[batch]
pack_tokens = 500
passes_per_step = {}
[schedule]
epochs = 6
learning_rate = 0.05
[watch]
validate_every = 3
checkpoint_every = 2
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> SimpleNamespace:
    """A run that nothing disturbed, what it was made of and what it left."""
    folder = tmp_path_factory.mktemp("whole")
    base, data = tiny_llama(folder / "tiny.llama"), write_data(folder / "data")
    config = write_config(folder / "config.toml", base, data, folder / "out", SETTINGS.format(2))
    run_training(read_config(config), resume=False)
    record = json.loads((folder / "out" / "run.json").read_text())
    return SimpleNamespace(base=base, data=data, out=folder / "out", record=record)


def assert_same_run(one: Path, other: Path, tolerance: float) -> None:
    records = [json.loads((out / "run.json").read_text()) for out in (one, other)]
    for name in ("steps", "validations"):
        found, wanted = ([each["loss"] for each in record["figures"][name]] for record in records)
        assert found == pytest.approx(wanted, abs=tolerance, rel=0)
    adapters = [load_file(out / "adapter" / "adapter_model.safetensors") for out in (one, other)]
    torch.testing.assert_close(*adapters, rtol=0, atol=max(tolerance, 1e-4))


def test_a_run_learns_and_says_how(whole):
    result, figures = whole.record["result"], whole.record["figures"]
    assert result["stopped"] == "all epochs are done"
    assert result["best validation loss"] < 0.97 * figures["steps"][0]["loss"]
    assert figures["steps"][-1]["epoch"] == 6
    assert sum(each["examples"] for each in figures["steps"]) == 6 * 36
    assert figures["validations"][-1]["step"] == result["steps"]
    assert "learning rate" in (whole.out / "curves.svg").read_text()


def test_nothing_that_a_run_leaves_names_a_path(whole):
    told = [whole.out / "run.json", whole.out / "curves.svg", whole.out / "adapter" / "adapter_config.json"]
    assert not [path for path in told if str(whole.base.parent) in path.read_text()]
    assert whole.record["base"]["name"] == "tiny.llama"


@pytest.mark.parametrize("step", [1, 5, 8])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(whole, tmp_path, step):
    config = write_config(
        tmp_path / "config.toml", whole.base, whole.data, tmp_path / "out", SETTINGS.format(2)
    )
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["askwell_finetune.training"])
    process = context.Process(target=run_killed_before, args=(config, step))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL

    run_training(read_config(config), resume=True)
    assert_same_run(tmp_path / "out", whole.out, 1e-6)


def test_two_processes_learn_what_one_does_in_twice_the_passes(whole, tmp_path):
    config = write_config(
        tmp_path / "config.toml", whole.base, whole.data, tmp_path / "out", SETTINGS.format(1)
    )
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
        *("-m", "askwell_finetune.command", "train", str(config)),
    ]
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr.count("all epochs are done") == 1
    assert_same_run(tmp_path / "out", whole.out, 1e-5)


def test_a_run_that_its_minutes_ended_goes_on_when_it_is_given_more(whole, tmp_path):
    def config(minutes: float) -> Path:
        settings = f"{SETTINGS.format(2)}max_minutes = {minutes}\n"
        return write_config(tmp_path / "config.toml", whole.base, whole.data, tmp_path / "out", settings)

    run_training(read_config(config(1e-6)), resume=False)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["result"]["stopped"].startswith("max_minutes are over")
    assert record["result"]["steps"] == 1

    run_training(read_config(config(0)), resume=True)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["result"]["stopped"] == "all epochs are done"
    steps, wanted = ([each["loss"] for each in one["figures"]["steps"]] for one in (record, whole.record))
    assert steps == pytest.approx(wanted, abs=1e-6, rel=0)


def test_a_step_s_checkpoint_is_there_while_it_is_written_again(tmp_path, monkeypatch):
    checkpoint = Checkpoint(Standing(step=4), {"weight": torch.ones(2)}, {}, {})
    save_checkpoint(tmp_path, checkpoint)
    rename, seen = Path.rename, []

    def watched(path, target):
        moved = rename(path, target)
        seen.append(load_checkpoint(last_checkpoint(tmp_path)).standing.step)
        return moved

    monkeypatch.setattr(Path, "rename", watched)
    save_checkpoint(tmp_path, checkpoint)
    assert seen == [4, 4]
    assert [each.name for each in (tmp_path / "checkpoints").iterdir()] == ["step-00000004"]


def test_a_full_disk_is_told_where_the_best_is_kept_as_well(whole, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(AdapterLearner, "save", full)
    config = write_config(
        tmp_path / "config.toml", whole.base, whole.data, tmp_path / "out", SETTINGS.format(2)
    )
    told = "cannot write adapter at step 3: No space left on device; step-00000002 is whole"
    with pytest.raises(FinetuneError, match=told):
        run_training(read_config(config), resume=False)
