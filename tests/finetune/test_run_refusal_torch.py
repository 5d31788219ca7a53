"""What a run that goes wrong says, in one line, and what it leaves: ``make test-torch``."""

import errno
import os
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from askwell_finetune.command import main  # noqa: E402
from askwell_finetune.loss import TokenLoss  # noqa: E402
from tiny_finetune import tiny_gptj, tiny_llama, write_config, write_data  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("default")]

SETTINGS = """
[adapter]
rank = 2
[batch]
pack_tokens = 500
[schedule]
steps = {}
learning_rate = 0.01
[watch]
checkpoint_every = 2
validate_every = {}
patience = 1
"""


@pytest.fixture
def config(tmp_path) -> Path:
    base, data = tiny_llama(tmp_path / "base"), write_data(tmp_path / "data")
    return write_config(tmp_path / "config.toml", base, data, tmp_path / "out", SETTINGS.format(5, 50))


def train(config: Path, capsys, *flags: str) -> str:
    """What is said of a refusal: the last line, and the only one that begins with the command's name."""
    assert main(["train", str(config), *flags]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith("askwell-finetune: ") for line in lines].count(True) == 1
    return lines[-1]


def checkpoints(config: Path) -> list[str]:
    return sorted(path.name for path in (config.parent / "out" / "checkpoints").iterdir())


def test_a_loss_that_is_no_number_ends_the_run(config, capsys, monkeypatch):
    forward, calls = TokenLoss.forward, []

    def spoilt(self, packs):
        calls.append(packs)
        return forward(self, packs) * (float("nan") if len(calls) > 11 else 1)

    monkeypatch.setattr(TokenLoss, "forward", spoilt)
    said = train(config, capsys)
    assert "at step 4 the loss is nan (learning rate 0.00" in said
    assert "step-00000002" in said
    assert checkpoints(config) == ["step-00000002"]


def test_a_full_disk_leaves_the_checkpoint_before(config, capsys, monkeypatch):
    fsync, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    said = train(config, capsys)
    assert "cannot write the checkpoint of step 4: No space left on device; step-00000002 is whole" in said
    assert checkpoints(config) == ["step-00000002"]
    assert main(["train", str(config), "--resume"]) == 0


def test_another_base_other_data_or_other_settings_are_no_run_to_go_on_with(config, capsys):
    assert main(["train", str(config)]) == 0
    text = config.read_text()
    assert "exists already" in train(config, capsys)

    config.write_text(text.replace("learning_rate = 0.01", "learning_rate = 0.02"))
    assert "schedule.learning_rate is 0.02, was 0.01" in train(config, capsys, "--resume")

    config.write_text(text)
    train_file = config.parent / "data" / "train.jsonl"
    kept = train_file.read_text()
    train_file.write_text("".join(kept.splitlines(keepends=True)[1:]))
    assert "had another train.jsonl" in train(config, capsys, "--resume")

    train_file.write_text(kept)
    weights = config.parent / "base" / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    assert "of another sha256" in train(config, capsys, "--resume")


def test_targets_that_the_model_lacks_are_refused(tmp_path, capsys):
    base, data = tiny_gptj(tmp_path / "base"), write_data(tmp_path / "data")
    config = write_config(
        tmp_path / "config.toml", base, data, tmp_path / "out", '[adapter]\ntargets = ["w_proj"]'
    )
    assert "base takes no such adapter: Target modules" in train(config, capsys)
    assert not (tmp_path / "out").exists()
