"""Make a Q8_0 file from another GGUF file, with llama.cpp's own quantizer.

python quantize.py SOURCE TARGET
"""

import ctypes
import sys
from pathlib import Path

import llama_cpp


def quantize(source: Path, target: Path) -> None:
    """Raises RuntimeError when llama.cpp refuses."""
    options = llama_cpp.llama_model_quantize_default_params()
    options.allow_requantize = True
    options.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
    partial = target.with_name(target.name + ".part")
    code = llama_cpp.llama_model_quantize(str(source).encode(), str(partial).encode(), ctypes.byref(options))
    if code != 0:
        raise RuntimeError(f"llama.cpp does not quantize {source} (code {code})")
    partial.replace(target)


if __name__ == "__main__":
    quantize(Path(sys.argv[1]), Path(sys.argv[2]))
