"""Certifying, verifying and inspecting what was converted."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from askwell_convert import certify as flow
from askwell_convert.calibration.calibrate import Calibration
from askwell_convert.certify import CertifyRequest, certify
from askwell_convert.command import main
from askwell_convert.generator import Generator
from askwell_convert.inspect import inspect
from askwell_convert.progress import progress_on_stderr
from askwell_convert.room import free_memory_bytes
from askwell_convert.scratch import MARK, scratch_folder
from askwell_manifest import MANIFEST_NAME, Manifest, file_record, read_manifest, write_manifest
from checkpoints import TINY_GPTJ, gptj_config, gptj_folder, random_gptj
from lora_files import MODULES, named, random_pairs, write_adapter
from model_bin import read_variables

RunConvert = Callable[..., object]


class Unwatched:
    def layers(self, done: int, total: int) -> None:
        pass

    def tokens(self, done: int, total: int) -> None:
        assert done <= total


WORDS = "The candidate led a team of five engineers and designed the payment service. " * 40


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.md"
    path.write_text(WORDS)
    return path


@pytest.fixture
def folder(tmp_path: Path, run_convert: RunConvert) -> Path:
    """An int8 conversion of the tiny model, alone in its own folder."""
    run_convert(TINY_GPTJ, tmp_path / "models" / "tiny", "int8_float32", 63)
    return tmp_path / "models" / "tiny"


def certified(folder: Path, reference: Path, *texts: Path) -> None:
    with progress_on_stderr() as progress:
        certify(CertifyRequest(folder, str(reference), texts), progress, Unwatched())


def test_certificate_goes_into_the_manifest_and_nothing_else_changes(folder: Path, text: Path) -> None:
    before = read_manifest(folder)
    arguments = [str(folder), "--reference", str(TINY_GPTJ), "--text", str(text), str(text)]
    # ctranslate2 tells of its back ends once in a process, which may have been an earlier test's.
    command = [sys.executable, "-m", "askwell_convert.command", "certify", *arguments]
    assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0
    after = read_manifest(folder)
    certificate = after.certificate
    assert certificate is not None and replace(after, certificate=None) == before
    assert certificate.model_sha256 == before.files["model.bin"].sha256
    assert certificate.text_sha256 == hashlib.sha256(2 * WORDS.encode()).hexdigest()
    assert (certificate.compute_type, certificate.reference) == ("int8_float32", "tiny-gptj")
    assert certificate.method == "float32 conversion" and "unknown" not in certificate.instruction_set
    assert 0 < certificate.mean_kl < 0.1 and certificate.same_top1 > 0.9
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]
    assert main(["verify", str(folder)]) == 0


def test_float32_folder_made_before_gives_the_same_figures(
    tmp_path: Path, folder: Path, text: Path, run_convert: RunConvert
) -> None:
    run_convert(TINY_GPTJ, tmp_path / "float32")
    found = []
    for reference in (TINY_GPTJ, tmp_path / "float32"):
        certified(folder, reference, text)
        found.append(read_manifest(folder).certificate)
    assert found[0] == found[1]


def test_unquantized_model_keeps_its_mind(tmp_path: Path, text: Path, run_convert: RunConvert) -> None:
    run_convert(TINY_GPTJ, tmp_path / "float32")
    certified(tmp_path / "float32", TINY_GPTJ, text)
    certificate = read_manifest(tmp_path / "float32").certificate
    assert certificate is not None
    assert (certificate.perplexity_ratio, certificate.mean_kl, certificate.same_top1) == (1.0, 0.0, 1.0)


def test_certificate_that_does_not_pass_is_written_and_told(
    folder: Path, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = random_gptj(gptj_config(), seed=5)
    source = gptj_folder(folder.parent.parent / "other", gptj_config(), other)
    assert main(["certify", str(folder), "--reference", str(source), "--text", str(text)]) == 1
    assert read_manifest(folder).certificate is not None
    assert "above 1.05" in capsys.readouterr().out


def test_adapter_belongs_to_the_reference_as_well(
    tmp_path: Path, text: Path, run_convert: RunConvert
) -> None:
    adapter = write_adapter(tmp_path / "adapter", named(random_pairs(MODULES)))
    run_convert(TINY_GPTJ, tmp_path / "adapted", "int8_float32", 127, adapter=adapter)
    arguments = ["certify", str(tmp_path / "adapted"), "--reference", str(TINY_GPTJ), "--text", str(text)]
    kl = []
    for more in ([], ["--adapter", str(adapter)]):
        main([*arguments, *more])
        certificate = read_manifest(tmp_path / "adapted").certificate
        assert certificate is not None
        kl.append(certificate.mean_kl)
    assert kl[1] < kl[0] / 20


def test_another_adapter_of_the_same_name_is_refused(
    tmp_path: Path, text: Path, run_convert: RunConvert, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter = write_adapter(tmp_path / "adapter", named(random_pairs(MODULES)))
    run_convert(TINY_GPTJ, tmp_path / "adapted", "int8_float32", 127, adapter=adapter)
    merged = file_record(adapter / "adapter_model.safetensors").sha256
    assert read_manifest(tmp_path / "adapted").adapter_sha256 == merged
    other = {name: (a, 2 * b) for name, (a, b) in random_pairs(MODULES).items()}
    write_adapter(adapter, named(other))
    arguments = ["certify", str(tmp_path / "adapted"), "--reference", str(TINY_GPTJ), "--text", str(text)]
    assert main([*arguments, "--adapter", str(adapter)]) == 2
    assert (
        f"does not hold the weights that were merged into {tmp_path / 'adapted'}" in capsys.readouterr().err
    )
    (adapter / "adapter_model.safetensors").unlink()
    assert main([*arguments, "--adapter", str(adapter)]) == 2
    assert "has no weights" in capsys.readouterr().err


def test_without_room_for_a_conversion_the_reference_is_computed_layer_by_layer(
    tmp_path: Path, folder: Path, text: Path, run_convert: RunConvert, monkeypatch: pytest.MonkeyPatch
) -> None:
    certified(folder, TINY_GPTJ, text)
    converted = read_manifest(folder).certificate
    monkeypatch.setattr(flow, "free_memory_bytes", lambda: 0)
    certified(folder, TINY_GPTJ, text)
    streamed = read_manifest(folder).certificate
    assert converted is not None and streamed is not None
    assert (converted.method, streamed.method) == ("float32 conversion", "layer by layer")
    assert streamed.mean_kl == pytest.approx(converted.mean_kl, abs=5e-5)


def test_windows_begin_as_prompts_do_and_fit_the_model(folder: Path, text: Path) -> None:
    manifest = replace(read_manifest(folder), positions=64)
    plain = flow.text_windows(folder, manifest, [text])
    assert {len(window) for window in plain.ids[:-1]} == {64} == {plain.length}
    begun = flow.text_windows(folder, replace(manifest, add_bos=True), [text])
    (first,) = {window[0] for window in begun.ids}
    assert [i for window in begun.ids for i in window[1:]] == [i for window in plain.ids for i in window]
    vocabulary = json.loads((folder / "vocabulary.json").read_text())
    assert vocabulary[first] == manifest.bos_token


def test_what_cannot_be_compared_is_refused_in_one_line(
    tmp_path: Path, folder: Path, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    binary, short = tmp_path / "a.pdf", tmp_path / "short.txt"
    binary.write_bytes(b"%PDF\xff\xfe")
    short.write_text("")
    other = gptj_folder(
        tmp_path / "other", gptj_config(vocab_size=340), random_gptj(gptj_config(vocab_size=340))
    )
    lying = gptj_folder(tmp_path / "lying", gptj_config(vocab_size=1 << 30), random_gptj(gptj_config()))
    for reference, file, reason in [
        (folder, text, "holds int8_float32 weights"),
        (lying, text, "the configuration says [1073741824, 32]"),
        (other, text, "another model"),
        (TINY_GPTJ, binary, "no UTF-8 text"),
        (TINY_GPTJ, short, "too short"),
        (TINY_GPTJ, tmp_path / "none.txt", "No such file"),
        (tmp_path / "none", text, "no file or folder"),
    ]:
        assert main(["certify", str(folder), "--reference", str(reference), "--text", str(file)]) == 2
        told = capsys.readouterr().err
        assert reason in told and told.count("\n") == 1
    assert read_manifest(folder).certificate is None


def test_text_that_the_model_was_calibrated_with_is_refused(
    tmp_path: Path, text: Path, run_convert: RunConvert, capsys: pytest.CaptureFixture[str]
) -> None:
    run_convert(
        TINY_GPTJ, tmp_path / "model", "int8_float32", 63, calibrate=Calibration((text,), steps=frozenset())
    )
    told = ["certify", str(tmp_path / "model"), "--reference", str(TINY_GPTJ), "--text", str(text)]
    assert main(told) == 2
    assert f"calibrated with {text}; certify it with another text" in capsys.readouterr().err
    text.write_text(WORDS[1:])
    assert main(told) == 0


def test_reference_that_lacks_a_tensor_is_refused_layer_by_layer_too(
    tmp_path: Path,
    folder: Path,
    text: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tensors = random_gptj(gptj_config())
    del tensors["transformer.h.1.mlp.fc_in.bias"]
    gptj_folder(tmp_path / "broken", gptj_config(), tensors)
    monkeypatch.setattr(flow, "free_memory_bytes", lambda: 0)
    told = ["certify", str(folder), "--reference", str(tmp_path / "broken"), "--text", str(text)]
    assert main(told) == 2
    assert "lacks tensor transformer.h.1.mlp.fc_in.bias" in capsys.readouterr().err


def test_model_that_computes_no_numbers_is_refused(
    folder: Path, text: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_numbers(generator: Generator, windows: list[list[int]], window: int) -> Iterator[object]:
        return (np.full((len(ids), 336), np.nan, np.float32) for ids in windows)

    monkeypatch.setattr(Generator, "logits", no_numbers)
    assert main(["certify", str(folder), "--reference", str(TINY_GPTJ), "--text", str(text)]) == 2
    assert "cannot be certified: the model computes values that are no numbers" in capsys.readouterr().err


def test_dead_runs_scratch_is_removed_and_a_living_ones_stays(tmp_path: Path) -> None:
    target = tmp_path / "model"
    dead = tmp_path / f".model{MARK}0000"
    dead.mkdir()
    with scratch_folder(target) as alive:
        assert not dead.exists()
        with scratch_folder(target) as another:
            assert alive.exists() and another.exists()
    assert not any(tmp_path.iterdir())


def test_memory_is_what_is_available_within_the_containers_limit(tmp_path: Path) -> None:
    for name, told in {
        "proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    4000 kB\n",
        "sys/fs/cgroup/memory.max": "3000000\n",
        "sys/fs/cgroup/memory.current": "1000000\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(told)
    assert free_memory_bytes(tmp_path) == 2_000_000
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("max\n")
    assert free_memory_bytes(tmp_path) == 4_096_000
    (tmp_path / "proc/meminfo").unlink()
    assert free_memory_bytes(tmp_path) is None


def test_verify_names_what_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "model.bin"
    data = bytearray(path.read_bytes())
    data[-300] ^= 1
    path.write_bytes(data)
    assert main(["verify", str(folder)]) == 2
    assert "its sha256 differs" in capsys.readouterr().err
    path.write_bytes(data[:400])
    manifest = Manifest.from_json((folder / MANIFEST_NAME).read_text())
    write_manifest(folder, replace(manifest, files={**manifest.files, "model.bin": file_record(path)}))
    assert main(["verify", str(folder)]) == 2
    assert "cannot load" in capsys.readouterr().err


@pytest.mark.parametrize("quantization", ["int8_float16", "int8_bfloat16", "float16", "float32"])
def test_inspect_tells_the_bytes_that_a_conversion_has(
    tmp_path: Path, run_convert: RunConvert, quantization: str
) -> None:
    run_convert(TINY_GPTJ, tmp_path / "model", quantization, 63 if quantization.startswith("int8") else 0)
    stored = read_variables(tmp_path / "model" / "model.bin").values()
    weights = sum(each.nbytes for each in {id(each): each for each in stored if each.ndim}.values())
    for model in (TINY_GPTJ, tmp_path / "model"):
        found = inspect(str(model))
        (need,) = (need for need in found.needs if need.precision == quantization)
        assert need.gpu == weights
        assert need.cpu_cache == 1000 * 2 * 2 * 32 * 4  # keys and values, two layers, 32 wide, float32


def test_inspect_prints_folder_and_source(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model, stored in ((folder, "int8_float32, weights within ±63"), (TINY_GPTJ, "float16 in 25 tensors")):
        assert main(["inspect", str(model)]) == 0
        told = capsys.readouterr().out
        assert stored in told and "decoder/layer_*/ffn/linear_0/weight" in told and "int8_bfloat16" in told
    shutil.rmtree(folder)
    assert main(["inspect", str(folder)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
