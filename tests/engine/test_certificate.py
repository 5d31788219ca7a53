"""Whose certificate lets a model be served, and where."""

from dataclasses import replace
from pathlib import Path

import pytest
from askwell_manifest import Manifest, Thresholds, read_manifest, write_manifest
from askwell_server.engine import certificate as module
from askwell_server.engine.backend import CTranslate2Backend
from askwell_server.engine.certificate import check_certificate
from askwell_server.engine.folder import ModelRefused
from askwell_server.engine.messages import Load
from certificates import CERTIFICATE
from fake_engine import MANIFEST
from tiny_model import make_tiny_model

CERTIFIED = replace(MANIFEST, certificate=CERTIFICATE)


def check(
    manifest: Manifest, device: str = "cpu", compute_type: str | None = "int8_float32", top1: float = 0.85
) -> None:
    check_certificate(Path("models/m"), manifest, Thresholds(top1=top1), device, compute_type)


@pytest.fixture(autouse=True)
def vnni(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "int8_saturates", lambda: False)


def test_certificate_of_these_weights_and_this_cpu_passes() -> None:
    check(CERTIFIED)
    check(CERTIFIED, compute_type=None)


@pytest.mark.parametrize(
    ("change", "device", "compute_type", "reason"),
    [
        (None, "cpu", "int8_float32", "has no certificate"),
        ({"model_sha256": "ef" * 32}, "cpu", "int8_float32", "of other weights"),
        ({"perplexity_ratio": 1.2}, "cpu", "int8_float32", "does not pass: its perplexity ratio is 1.2000"),
        ({}, "cuda:0", "int8_float16", "was certified on cpu, and this is cuda"),
        ({}, "cpu", "float32", "was certified as int8_float32, and this computes as float32"),
        ({"saturates": True}, "cpu", "int8_float32", "another class of CPU"),
    ],
)
def test_refusal_says_in_one_line_what_to_do(
    change: dict[str, object] | None, device: str, compute_type: str, reason: str
) -> None:
    certificate = None if change is None else replace(CERTIFICATE, **change)  # type: ignore[arg-type]
    with pytest.raises(ModelRefused) as caught:
        check(replace(MANIFEST, certificate=certificate), device, compute_type)
    told = str(caught.value)
    remedy = "convert the model another way" if "pass" in told else "askwell-convert certify models/m"
    assert reason in told and remedy in told and "\n" not in told


def test_operators_thresholds_count() -> None:
    with pytest.raises(ModelRefused, match=r"below 0\.95"):
        check(CERTIFIED, top1=0.95)


def test_engine_asks_for_the_certificate_only_when_told_to(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "tiny")
    plain = Load(folder, "cpu", "auto", 1, 1, full_range_ok=False, thresholds=Thresholds())
    with pytest.raises(ModelRefused, match="has no certificate"):
        CTranslate2Backend(plain)
    weights = MANIFEST.files["model.bin"]
    weights = replace(weights, bytes=(folder / "model.bin").stat().st_size)
    certificate = replace(CERTIFICATE, compute_type="float32")
    write_manifest(
        folder, replace(read_manifest(folder), files={"model.bin": weights}, certificate=certificate)
    )
    CTranslate2Backend(plain).close()
    with pytest.raises(ModelRefused, match="this computes as int8_float32"):
        CTranslate2Backend(replace(plain, compute_type="int8"))
