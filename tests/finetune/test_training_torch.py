"""Whole training runs of tiny models: ``make test-torch``."""

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

from askwell_finetune.config import read_config  # noqa: E402
from askwell_finetune.run import run_training  # noqa: E402
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
