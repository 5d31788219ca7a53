"""The TOML file of a run: every key known, every value in bounds; and bad input seen without torch."""

import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest
from askwell_convert.convert import open_source
from askwell_finetune.command import main
from askwell_finetune.config import Config, read_config, read_settings
from askwell_finetune.data_set import read_split
from askwell_finetune.schedule import learning_rate_at, progress_at
from askwell_finetune.scratch_config import ScratchConfig
from askwell_finetune.tokens import ExampleEncoder
from tiny_finetune import tiny_gptj, write_config, write_data

RUNS = Path(__file__).parents[2] / "finetune" / "runs"
PATHS = 'model = "m"\ndata = "d"\nout = "o"\n'


def refused(config: Path, capsys) -> str:
    assert main(["train", str(config)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PATHS + "sed = 3", "no setting sed; did you mean seed?"),
        (PATHS + "[adapter]\nranks = 3", "no setting adapter.ranks; did you mean adapter.rank?"),
        (PATHS + "[adapter]\nrank = 0", "adapter.rank is 0; it must be a whole number from 1 to 4096"),
        (PATHS + "[adapter]\nrank = 8.0", "adapter.rank is 8.0; it must be a whole number"),
        (PATHS + "[schedule]\nlearning_rate = nan", "learning_rate is nan; it must be a number from 0 to 10"),
        (PATHS + "adapter = 8", "adapter must be a table, [adapter]"),
        (PATHS + 'dtype = "float16"', "dtype is 'float16'; it must be float32 or bfloat16"),
        (PATHS + '[adapter]\ntargets = "q_proj"', "targets is 'q_proj'; it must be a list of names"),
        (PATHS + "[batch]\ngradient_checkpointing = 1", "it must be true or false"),
        ('model = "m"\nout = "o"', "lacks data"),
        ("model = ", "is no TOML"),
    ],
)
def test_a_setting_that_is_not_known_or_out_of_bounds_is_refused_by_name(tmp_path, capsys, text, said):
    (tmp_path / "run.toml").write_text(text)
    assert said in refused(tmp_path / "run.toml", capsys)


@pytest.mark.parametrize("path", sorted(RUNS.glob("*.toml")), ids=lambda path: path.name)
def test_the_configs_that_come_with_askwell_are_read(path):
    given = tomllib.loads(path.read_text())
    told = asdict(read_settings(path, ScratchConfig if "shape" in given else Config))
    for table in ("adapter", "shape", "batch", "schedule", "watch"):
        assert told.get(table, {}).items() >= given.get(table, {}).items()


def test_the_rate_rises_to_its_height_and_falls_to_nothing(tmp_path):
    (tmp_path / "run.toml").write_text(PATHS + "[schedule]\nsteps = 100\nwarmup = 0.1\nlearning_rate = 0.5")
    schedule = read_config(tmp_path / "run.toml").schedule
    rates = [learning_rate_at(schedule, progress_at(schedule, step, 0, step, 7)) for step in range(100)]
    assert rates[:10] == pytest.approx([0.5 * (step + 0.5) / 10 for step in range(10)])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert max(rates) == pytest.approx(0.5, rel=0.01)
    assert rates[-1] < 1e-3


def test_a_missing_or_empty_split_is_refused_before_anything_is_written(tmp_path, capsys):
    base, data = tiny_gptj(tmp_path / "base"), write_data(tmp_path / "data")
    config = write_config(tmp_path / "run.toml", base, data, tmp_path / "out")
    (data / "validation.jsonl").write_text("\n")
    assert "validation.jsonl has nothing to learn from: it is empty" in refused(config, capsys)
    (data / "validation.jsonl").unlink()
    assert "there is no " in refused(config, capsys)
    (data / "train.jsonl").write_text('{"id": "1"}\n')
    assert "train.jsonl, line 1: an example has no 'item'" in refused(config, capsys)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_never_written_to(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    config = write_config(tmp_path / "run.toml", tmp_path, tmp_path, tmp_path / "out")
    assert "out exists already: choose another out folder" in refused(config, capsys)
    assert main(["train", str(config), "--resume"]) == 2
    assert "has no run.json of a run to go on with" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_examples_longer_than_the_model_are_left_out_and_counted(tmp_path):
    data = write_data(tmp_path / "data")
    encoder = ExampleEncoder(open_source(str(tiny_gptj(tmp_path / "base")), None))
    lengths = sorted(len(each.ids) for each in read_split(data, "train", encoder, 4096).examples)
    split = read_split(data, "train", encoder, lengths[9])
    assert len(split.examples) + split.too_long == len(lengths)
    assert max(len(each.ids) for each in split.examples) == lengths[9]
    with pytest.raises(ValueError, match="its 36 examples are longer than the model's 10 positions"):
        read_split(data, "train", encoder, 10)
