"""Limiting the CPU's instructions, which only counts before ctranslate2 is loaded."""

import subprocess
import sys

_LATE = """
import sys
from askwell_bench.command import main
try:
    main(["fidelity", "--help"])
except SystemExit:
    pass
print("ctranslate2" in sys.modules)
import ctranslate2
from askwell_bench.generator import limit_isa
try:
    limit_isa("avx2")
except RuntimeError as error:
    print(error)
"""


def test_command_line_does_not_load_ctranslate2_and_a_late_limit_is_refused() -> None:
    done = subprocess.run([sys.executable, "-c", _LATE], stdout=subprocess.PIPE, text=True, check=True)
    loaded, refusal = done.stdout.splitlines()[-2:]
    assert loaded == "False"
    assert "loaded already" in refusal
