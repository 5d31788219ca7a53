"""The whole of Askwell in one go: model → server → client → interview questions. Run by ``make demo``.

python examples/demo.py                                  # the default model, fetched and converted once
python examples/demo.py --model EleutherAI/gpt-j-6b      # a hub id, a checkpoint folder, a .gguf file,
python examples/demo.py --model models/my-gptj           # or a folder askwell-convert wrote
python examples/demo.py --serve                          # serve on localhost:50051 until Ctrl-C
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import encoder
from askwell_manifest import file_record
from default_model import GGUF, ROOT, fetch

BIN = Path(sys.executable).parent
MODELS = ROOT / "models"
MANIFEST = "askwell.json"
# What fine-tuning on interview questions changed in the default model (docs/finetuning.md).
ADAPTER = ROOT / "adapters" / "smollm2-135m-interviewer"
READY = re.compile(r"serving .* on (\S+:\d+)")


def step(text: str) -> None:
    print(f"── {text}", flush=True)


def model_folder(model: str) -> Path:
    """The converted model's folder: ``model`` itself if it is one, else made from it, once."""
    path = Path(model)
    if model and (path / MANIFEST).is_file():
        return path
    if model and path.suffix != ".gguf" and not path.exists() and model.count("/") != 1:
        raise SystemExit(f"demo: {model} is neither a folder, a .gguf file nor a hub id like org/name")
    if not model:
        return default_folder(MODELS / ADAPTER.name)
    folder = MODELS / _folder_name(path)
    if (folder / MANIFEST).is_file():
        return folder
    MODELS.mkdir(exist_ok=True)
    step(f"converting {model} to int8 (once)")
    if subprocess.run([BIN / "askwell-convert", model, folder]).returncode != 0:
        raise SystemExit(2)
    return folder


def default_folder(folder: Path) -> Path:
    """The default model with its adapter, and a certificate of what int8 cost it on the example jobs and
    résumés."""
    converted = (folder / MANIFEST).is_file()
    manifest = json.loads((folder / MANIFEST).read_text()) if converted else {}
    if converted and not GGUF.exists():
        return folder  # without the source it serves as it is
    present = manifest.get("adapter_sha256") == file_record(ADAPTER / "adapter_model.safetensors").sha256
    if present and manifest.get("certificate"):
        return folder
    if not GGUF.exists():
        step("fetching the default model (93 MB, once)")
    source = str(fetch())
    MODELS.mkdir(exist_ok=True)
    if not present:
        again = "again, for the adapter is another" if converted else "once, half a minute"
        step(f"converting {source} with its adapter to int8, fitted to what it computes ({again})")
        convert = [BIN / "askwell-convert", source, folder, "--name", ADAPTER.name, "--force"]
        if subprocess.run([*convert, "--adapter", ADAPTER, "--calibrate"]).returncode != 0:
            raise SystemExit(2)
    step("comparing it with the float32 model (once)")
    texts = [path for path in sorted(ROOT.glob("examples/*/*")) if path.suffix in (".md", ".txt")]
    certify = [BIN / "askwell-convert", "certify", folder, "--reference", source, "--adapter", ADAPTER]
    if subprocess.run([*certify, "--text", *texts]).returncode not in (
        0,
        1,
    ):  # 1: written, and it does not pass
        raise SystemExit(2)
    return folder


def _folder_name(source: Path) -> str:
    """Tells apart sources of one name: models/gptj-1f3a… for a path, models/org--name for a hub id."""
    if not source.exists():
        return str(source).replace("/", "--").lower()
    stem = source.stem if source.suffix == ".gguf" else source.resolve().name
    return f"{stem.lower()}-{zlib.crc32(str(source.resolve()).encode()):08x}"


def encoder_flags() -> list[str]:
    """The server's flag for the sentence encoder, which is made once; none where it cannot be fetched."""
    if not encoder.is_made():
        step("fetching the sentence encoder (84 MB, once) and converting it to int8")
    try:
        return ["--encoder", str(encoder.make())]
    except SystemExit as error:
        step(f"going on without the sentence encoder: {error}")
        return []


def _told(folder: Path) -> str:
    """What the manifest says of tuning and of what int8 cost."""
    manifest = json.loads((folder / MANIFEST).read_text())
    adapter, certificate = manifest.get("adapter"), manifest.get("certificate") or {}
    tuned = f", tuned by {adapter}" if adapter else ""
    ratio = certificate.get("perplexity_ratio")
    return f"{tuned}; certificate: perplexity × {ratio:.3f} of float32's" if ratio else tuned


def start_server(folder: Path, flags: list[str]) -> tuple[subprocess.Popen[str], str]:
    """Start the server on a free port and wait until it says that it serves. Returns it and its address."""
    server = subprocess.Popen(
        [BIN / "askwell-server", "--model", folder, "--port", "0", "--log-level", "warning", *flags],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    for line in server.stdout:
        if found := READY.search(line):
            return server, found[1]
    raise SystemExit(server.wait() or 1)


def wait_until_serving(address: str, limit_s: float = 120.0) -> None:
    """Ask the health service until it answers SERVING."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        health = subprocess.run([BIN / "askwell", "health", "--server", address], capture_output=True)
        if health.returncode == 0:
            return
        time.sleep(0.2)
    raise SystemExit(f"demo: the server on {address} is not SERVING after {limit_s:.0f} s")


def ask(folder: Path, job: str, resume: str, count: str) -> int:
    flags = encoder_flags()
    step(f"starting the server with {folder}{_told(folder)}")
    server, address = start_server(folder, flags)
    try:
        wait_until_serving(address)
        step(f"askwell questions --job {job} --resume {resume} --count {count}")
        command = [BIN / "askwell", "questions", "--server", address]
        return subprocess.run([*command, "--job", job, "--resume", resume, "--count", count]).returncode
    finally:
        step("stopping the server")
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="", help="model folder, checkpoint, .gguf file or hub id")
    parser.add_argument("--job", default=str(ROOT / "examples/jobs/backend-engineer.md"))
    parser.add_argument("--resume", default=str(ROOT / "examples/resumes/backend-engineer.md"))
    parser.add_argument("--count", default="8")
    parser.add_argument("--serve", action="store_true", help="serve on localhost:50051 until Ctrl-C")
    arguments = parser.parse_args()
    for document in (arguments.job, arguments.resume):
        if not arguments.serve and not Path(document).is_file():
            raise SystemExit(f"demo: no such file: {document}")
    folder = model_folder(arguments.model)
    if arguments.serve:
        # The server takes this process's place, so that Ctrl-C reaches it alone and it can drain.
        os.execv(BIN / "askwell-server", ["askwell-server", "--model", str(folder), *encoder_flags()])
    return ask(folder, arguments.job, arguments.resume, arguments.count)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
