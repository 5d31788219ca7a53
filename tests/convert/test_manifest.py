"""A manifest is believed only when it is whole."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from askwell_manifest import FileRecord, Manifest, ManifestError, file_record, verify_files, write_manifest
from certificates import CERTIFICATE

WHOLE = Manifest(
    name="tiny", source="tiny.gguf", architecture="gptj", positions=64, vocabulary_size=300,
    quantization="int8_float16", weight_range=63, prompt_style="base", end_tokens=("<|endoftext|>",),
    files={"model.bin": FileRecord("ab" * 32, 12)},
)  # fmt: skip


def test_a_manifest_survives_its_own_json() -> None:
    assert Manifest.from_json(WHOLE.to_json()) == WHOLE
    certified = replace(WHOLE, certificate=CERTIFICATE)
    assert Manifest.from_json(certified.to_json()) == certified


def test_a_manifest_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_manifest(tmp_path, WHOLE)
    write_manifest(tmp_path, replace(WHOLE, certificate=CERTIFICATE))
    (path,) = tmp_path.iterdir()
    assert Manifest.from_json(path.read_text()).certificate == CERTIFICATE


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"positions": "64"},
        {"weight_range": None},
        {"prompt_style": "poem"},
        {"end_tokens": [5]},
        {"end_tokens": None},
        {"files": {"model.bin": "ab"}},
        {"conversion": {"unknown": 1}},
        {"unknown": 1},
        {"certificate": {"perplexity_ratio": 1.0}},
        {"certificate": [1]},
    ],
)
def test_a_spoilt_manifest_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        Manifest.from_json(json.dumps({**json.loads(WHOLE.to_json()), **change}))


def test_a_file_that_changed_since_it_was_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    manifest = replace(WHOLE, files={path.name: file_record(path) for path in tmp_path.iterdir()})
    verify_files(tmp_path, manifest)
    with pytest.raises(ManifestError, match="was not read to its end"):
        verify_files(tmp_path, manifest, given_up=lambda: True)
    (tmp_path / "model.bin").write_bytes(b"weighty")  # of the same size: only the hash tells
    with pytest.raises(ManifestError, match=r"model\.bin is not what was written"):
        verify_files(tmp_path, manifest)
    (tmp_path / "model.bin").unlink()
    with pytest.raises(ManifestError, match=r"cannot read .*model\.bin: No such file"):
        verify_files(tmp_path, manifest)
