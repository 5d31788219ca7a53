"""The client alone is installed by default; the other commands say what they lack."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("program", "call", "extra"),
    [
        ("askwell_server.app", "run(['--model', 'x'], {})", "askwell[server]"),
        ("askwell_convert.command", "main(['a', 'b'])", "askwell[convert]"),
        ("askwell_finetune.command", "main(['train', 'x.toml'])", "askwell[finetune]"),
        ("askwell_bench.command", "main(['first-token', '--model', 'x'])", "askwell[bench]"),
    ],
)
def test_a_command_without_its_extra_says_what_to_install(program: str, call: str, extra: str) -> None:
    code = f"import sys; sys.modules['tokenizers'] = None; import {program} as p; sys.exit(p.{call})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert extra in done.stderr


def test_the_client_loads_nothing_but_what_it_needs() -> None:
    code = "import askwell_client.command, sys; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    unwanted = {
        "ctranslate2",
        "numpy",
        "tokenizers",
        "askwell_server",
        "askwell_interview",
        "askwell_convert",
    }
    assert not unwanted & set(done.stdout.split())
