"""Build each peer's environment, and the Q8_0 weights that some of them read.

    python benchmarks/peers/build.py              # all of them; what is built already is left alone
    python benchmarks/peers/build.py openvino

A peer whose build fails keeps the reason in its .venv, and the benchmark lists it with that reason.
llama.cpp is compiled for this machine: minutes of all cores.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from askwell_bench.peers.variant import BUILT, NAMES, REASON, q8_path

_ADDRESS = re.compile(r"\b\w+://\S+")
"""What pip says is published as the reason; where it looked is nobody's business."""
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# GCC 12 takes its own _tile_loadconfig to read 8 bytes of 64 and drops the stores of the rest as dead:
# llama.cpp then dies of an invalid tile configuration on CPUs with AMX, where it is at its fastest.
_FLAGS = {"llama_cpp": {"CFLAGS": "-fno-dse -fno-tree-dse", "CXXFLAGS": "-fno-dse -fno-tree-dse"}}


def build(name: str) -> str | None:
    """Make ``name``'s .venv from its requirements. Returns why it could not be made."""
    folder = HERE / name
    environment, requirements = folder / ".venv", folder / "requirements.txt"
    wanted = hashlib.sha256(requirements.read_bytes() + repr(_FLAGS.get(name)).encode()).hexdigest()
    marker = environment / BUILT
    if marker.is_file() and marker.read_text() == wanted:
        print(f"{name}: built already", flush=True)
        return None
    print(f"{name}: building", flush=True)
    start = time.monotonic()
    shutil.rmtree(environment, ignore_errors=True)
    reason = _run([sys.executable, "-m", "venv", str(environment)], {})
    reason = reason or _run(_pip(environment, requirements, compiled=name in _FLAGS), _FLAGS.get(name, {}))
    if reason:
        environment.mkdir(exist_ok=True)
        (environment / REASON).write_text(f"not built: {reason}\n", encoding="utf-8")
        print(f"{name}: {reason}", flush=True)
    else:
        marker.write_text(wanted)
        print(f"{name}: built in {time.monotonic() - start:.0f} s", flush=True)
    return reason


def quantize(gguf: Path) -> str | None:
    """Write the Q8_0 file beside ``gguf``. Returns why it could not be written."""
    target = q8_path(gguf)
    if target.is_file():
        print(f"{target.name}: there already", flush=True)
        return None
    python = HERE / "llama_cpp" / ".venv" / "bin" / "python"
    if not python.exists():
        return "llama.cpp is not built, and it is what makes the Q8_0 weights"
    print(f"{target.name}: making it", flush=True)
    return _run([str(python), str(HERE / "llama_cpp" / "quantize.py"), str(gguf), str(target)], {})


def main(asked: Sequence[str]) -> int:
    """Exit code 1 when nothing could be built. The benchmark lists a peer that failed, with its reason."""
    known = [name for name in NAMES if (HERE / name / "requirements.txt").is_file()]
    if unknown := [name for name in asked if name not in known]:
        print(f"no peer is called {unknown[0]!r}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    reasons = [build(name) for name in asked or known]
    found = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "default_model.py"), "--path"],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    gguf = Path(found.stdout.strip())
    reason = quantize(gguf) if gguf.is_file() else f"there is no {gguf}; run: make demo"
    if reason:
        print(f"Q8_0 weights: {reason}", flush=True)
    return 1 if all(reasons) else 0


def _pip(environment: Path, requirements: Path, *, compiled: bool) -> list[str]:
    """What is compiled with flags must not come from pip's cache, which does not know them."""
    command = [str(environment / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "-r", str(requirements)]
    return command + (["--no-cache-dir"] if compiled else [])


def _run(command: Sequence[str], variables: dict[str, str]) -> str | None:
    """Run, with a sign of life every half minute. Returns the last thing said when it fails."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env={**os.environ, **variables},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        last, error, told_s = "", "", time.monotonic()
        for line in process.stdout:
            last = line.strip() or last
            error = line.strip() if line.lstrip().lower().startswith("error") else error
            if time.monotonic() - told_s > 30:
                told_s = time.monotonic()
                print(f"  {last[:100]}", flush=True)
    told = _ADDRESS.sub("an address", error or last or f"exit code {process.returncode}")
    return told[:300] if process.returncode else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
