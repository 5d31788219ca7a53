import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from askwell_convert.command import main
from askwell_convert.source import model_name
from askwell_manifest import read_manifest
from checkpoints import TINY_GPTJ
from lora_files import MODULES, named, random_pairs, write_adapter


def test_help_loads_neither_ctranslate2_nor_numpy():
    code = (
        "import sys\nfrom askwell_convert.command import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "sys.exit(bool({'ctranslate2', 'numpy', 'tokenizers'} & sys.modules.keys()))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0
    )


def test_conversion_loads_neither_torch_nor_transformers(tmp_path):
    code = (
        "import sys\nsys.modules['torch'] = sys.modules['transformers'] = None\n"
        "from askwell_convert.command import main\nsys.exit(main(sys.argv[1:]))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(TINY_GPTJ), str(tmp_path / "model")],
        stdout=subprocess.DEVNULL,
        check=False,
    )
    assert run.returncode == 0


@pytest.mark.parametrize(
    ("options", "quantization", "weight_range"),
    [
        ([], "int8_float16", 63),
        (["--target", "cuda"], "int8_float16", 127),
        (["--target", "cpu-vnni", "--quantization", "int8_float32"], "int8_float32", 127),
        (["--quantization", "float16"], "float16", 0),
    ],
)
def test_target_decides_the_weight_range(tmp_path, capsys, options, quantization, weight_range):
    assert main([str(TINY_GPTJ), str(tmp_path / "model"), "--name", "mine", *options]) == 0
    manifest = read_manifest(tmp_path / "model")
    assert (manifest.name, manifest.quantization, manifest.weight_range) == (
        "mine",
        quantization,
        weight_range,
    )
    summary = capsys.readouterr().out
    assert summary.count("\n") == 1
    assert f"{tmp_path / 'model'}: mine, {quantization}" in summary
    assert "peak memory" in summary


def test_progress_is_drawn_on_the_terminal_and_never_into_the_output(tmp_path):
    terminal, other_end = pty.openpty()
    command = [sys.executable, "-m", "askwell_convert.command", str(TINY_GPTJ), str(tmp_path / "model")]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "60"}
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=other_end, env=environment, check=True)
    os.close(other_end)
    drawn = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert run.stdout.startswith(str(tmp_path).encode())
    assert run.stdout.count(b"\n") == 1
    assert "kB" in drawn
    assert "tiny-gptj" not in drawn


def test_folders_whose_names_are_not_utf8_convert(tmp_path):
    source = Path(os.fsdecode(os.fsencode(tmp_path) + b"/tiny\xff"))
    shutil.copytree(TINY_GPTJ, source)
    adapter = write_adapter(
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/lora\xff")), named(random_pairs(MODULES))
    )
    assert main([str(source), str(tmp_path / "model"), "--adapter", str(adapter)]) == 0
    manifest = read_manifest(tmp_path / "model")
    assert (manifest.source, manifest.adapter) == ("tiny\ufffd", "lora\ufffd")


def test_output_that_a_terminal_cannot_spell_is_escaped(tmp_path):
    command = [sys.executable, "-m", "askwell_convert.command", TINY_GPTJ, tmp_path / "m\udcff"]
    run = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (run.returncode, run.stderr) == (0, b"")
    assert run.stdout.startswith(os.fsencode(tmp_path) + rb"/m\udcff: tiny-gptj, int8_float16")


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2-135m-instruct"),
        ("EleutherAI/gpt-j-6b", "gpt-j-6b"),
        ("Model-7B-Q4_K_M.gguf", "model-7b"),
        ("my model (v2)", "my-model-v2"),
        ("...", "model"),
    ],
)
def test_name_comes_from_the_source(label, name):
    assert model_name(label) == name
