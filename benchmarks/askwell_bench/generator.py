"""ctranslate2 called directly: the other side of every comparison with the server."""

import logging
import os
import sys
from pathlib import Path
from typing import Any

from askwell_manifest import read_manifest

ISA_VARIABLES = ("CT2_USE_MKL", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "CT2_FORCE_CPU_ISA")


def limit_isa(isa: str) -> None:
    """Make ctranslate2 compute as on a lesser CPU. Must run before it is imported.

    ``avx2`` is oneDNN held to AVX2: int8 products without VNNI, the back end that saturates
    (facts: full-range int8). ``native`` changes nothing. Raises RuntimeError when it comes too late to count.
    """
    if isa == "avx2":
        if "ctranslate2" in sys.modules:
            raise RuntimeError("ctranslate2 is loaded already; it would compute as this CPU does")
        os.environ |= {"CT2_USE_MKL": "0", "ONEDNN_MAX_CPU_ISA": "AVX2"}


def load_generator(model: Path, device: str = "cpu", **options: Any) -> Any:
    """A ``ctranslate2.Generator`` that keeps its warnings about compute types to itself.

    Raises ManifestError for what is no whole model folder.
    """
    import ctranslate2

    read_manifest(model)
    ctranslate2.set_log_level(logging.ERROR)
    return ctranslate2.Generator(str(model), device=device, **options)
