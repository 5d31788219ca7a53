import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from askwell_convert.errors import ConvertError
from askwell_convert.output import WORKING, new_folder
from askwell_manifest import file_record, read_manifest
from checkpoints import TINY_GPTJ, gptj_config, gptj_folder, random_gptj


@pytest.fixture
def converted(tmp_path, run_convert):
    run_convert(TINY_GPTJ, tmp_path / "model")
    return tmp_path / "model"


def test_folder_is_whole_and_its_hashes_hold(converted):
    manifest = read_manifest(converted)
    assert set(manifest.files) == {"model.bin", "config.json", "vocabulary.json", "tokenizer.json"}
    assert {name: file_record(converted / name) for name in manifest.files} == manifest.files
    assert {path.name for path in converted.iterdir()} == {*manifest.files, "askwell.json"}
    assert manifest.conversion.peak_rss_bytes > 1_000_000
    assert manifest.conversion.versions["ctranslate2"]


def test_same_source_gives_the_same_bytes_twice(tmp_path, run_convert, converted):
    run_convert(TINY_GPTJ, tmp_path / "again")
    assert read_manifest(tmp_path / "again").files == read_manifest(converted).files


def test_existing_folder_is_kept_without_force(run_convert, converted):
    before = (converted / "askwell.json").read_bytes()
    with pytest.raises(ConvertError, match="--force"):
        run_convert(TINY_GPTJ, converted)
    assert (converted / "askwell.json").read_bytes() == before


def test_force_replaces_a_folder_only_after_success(tmp_path, run_convert, converted):
    tensors = random_gptj(gptj_config())
    tensors["transformer.ln_f.bias"][0] = float("nan")
    broken = gptj_folder(tmp_path / "broken", gptj_config(), tensors)
    with pytest.raises(ConvertError, match="NaN"):
        run_convert(broken, converted, force=True)
    assert read_manifest(converted).quantization == "float32"
    run_convert(TINY_GPTJ, converted, "int8_float16", 63, force=True)
    assert read_manifest(converted).quantization == "int8_float16"
    assert {path.name for path in tmp_path.iterdir()} == {"broken", "model"}


def test_force_refuses_what_is_no_model_folder(tmp_path, run_convert):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(ConvertError, match="not a model folder"):
        run_convert(TINY_GPTJ, tmp_path / "thesis", force=True)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"


def test_what_a_dead_run_left_is_removed_and_a_live_one_is_left_alone(tmp_path, run_convert):
    dead, live = tmp_path / ".model.converting-dead", tmp_path / ".model.converting-live"
    dead.mkdir()
    live.mkdir()
    lock = os.open(live, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    run_convert(TINY_GPTJ, tmp_path / "model")
    os.close(lock)
    assert not dead.exists()
    assert live.exists()


def test_two_runs_to_one_target_leave_each_other_s_folder_alone(tmp_path):
    target = tmp_path / "model"
    with pytest.raises(ConvertError, match="--force"), new_folder(target, force=False) as first:
        with new_folder(target, force=False) as second:
            (second / "model.bin").touch()
            assert first.exists()
        (first / "late").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "model.bin"]


def test_parents_made_for_a_run_that_failed_go_with_it(tmp_path):
    (tmp_path / "kept").mkdir()
    target = tmp_path / "kept" / "a" / "b" / "model"
    with pytest.raises(ConvertError, match="ends badly"), new_folder(target, force=False):
        raise ConvertError("ends badly")
    assert list(tmp_path.rglob("*")) == [tmp_path / "kept"]


def test_old_folder_comes_back_when_the_new_one_cannot_take_its_place(tmp_path, converted, monkeypatch):
    rename = Path.rename

    def interrupted(path, target):
        if WORKING in path.name:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), new_folder(converted, force=True):
        pass
    assert read_manifest(converted).name == "tiny-gptj"
    assert list(tmp_path.iterdir()) == [converted]


def test_folder_is_as_private_as_the_caller_s_umask_says(tmp_path, run_convert):
    before = os.umask(0o027)
    try:
        run_convert(TINY_GPTJ, tmp_path / "model")
    finally:
        os.umask(before)
    assert (tmp_path / "model").stat().st_mode & 0o777 == 0o750


def test_target_below_a_file_is_refused_before_the_source_is_read(tmp_path, run_convert):
    (tmp_path / "file").touch()
    with pytest.raises(ConvertError, match="no folder that you may write to"):
        run_convert(tmp_path / "no-source", tmp_path / "file" / "model")


def test_folder_of_a_run_that_died_between_its_renames_comes_back(tmp_path, run_convert, converted):
    converted.rename(tmp_path / ".model.replaced-x")
    with pytest.raises(ConvertError, match="ends badly"), new_folder(converted, force=True):
        raise ConvertError("ends badly")
    assert read_manifest(converted).name == "tiny-gptj"


def test_too_little_space_is_said_before_anything_is_written(tmp_path, run_convert, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    with pytest.raises(ConvertError, match="1 MB are free"):
        run_convert(TINY_GPTJ, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_disk_that_fills_up_leaves_nothing(tmp_path):
    with (
        pytest.raises(ConvertError, match="disk became full"),
        new_folder(tmp_path / "model", force=False) as folder,
    ):
        (folder / "model.bin").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


INTERRUPTED_RUN = """
import sys
from askwell_convert import convert
from askwell_convert.command import main

def ready_then_wait(*arguments):
    print("writing", flush=True)
    sys.stdin.read()

convert.file_record = ready_then_wait
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_removes_its_folder(tmp_path, signal_number):
    command = [sys.executable, "-c", INTERRUPTED_RUN, str(TINY_GPTJ), str(tmp_path / "model")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "writing\n"
        assert len(list(tmp_path.iterdir())) == 1
        run.send_signal(signal_number)
        _, errors = run.communicate(timeout=20)
    assert run.returncode == 130
    assert errors == "askwell-convert: interrupted; nothing was left behind\n"
    assert list(tmp_path.iterdir()) == []


def test_force_refuses_to_replace_what_it_reads_or_reports_to(tmp_path, run_convert, converted):
    before = sorted(converted.rglob("*"))
    shutil.copytree(TINY_GPTJ, converted / "source")
    inside = {"adapter": converted / "lora", "report": converted / "model.bin"}
    for option, path in inside.items():
        with pytest.raises(ConvertError, match=rf"model holds .*{path.name}; choose another folder"):
            run_convert(TINY_GPTJ, converted, "int8_float16", 63, force=True, **{option: path})
    with pytest.raises(ConvertError, match=r"model holds .*source; choose another folder"):
        run_convert(converted / "source", converted, force=True)
    shutil.rmtree(converted / "source")
    assert sorted(converted.rglob("*")) == before
