"""``finetune/runs/tiny.sh``, every command of fine-tuning on a tiny GPT-J: ``make test-torch``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.torch


def test_everything_runs_on_a_tiny_gptj(tmp_path: Path) -> None:
    done = subprocess.run(
        [ROOT / "finetune" / "runs" / "tiny.sh", tmp_path],
        env=os.environ | {"BIN": str(Path(sys.executable).parent)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "going on from step-000000" in done.stderr
    tuned = json.loads((tmp_path / "tuned" / "run.json").read_text())
    assert tuned["result"]["steps"] == 24
    preferred = json.loads((tmp_path / "preferred" / "run.json").read_text())["result"]
    assert preferred["after"]["held out"]["margin"] > 0
    evaluation = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())
    assert evaluation["tuned_figures"]["perplexity"] < evaluation["untuned"]["perplexity"]
    assert evaluation["tuned_figures"]["canaries"] == 4
    manifest = json.loads((tmp_path / "served" / "tuned" / "askwell.json").read_text())
    assert manifest["adapter"] and manifest["certificate"]
