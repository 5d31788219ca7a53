"""What the converter's tests share: running a conversion, and computing with its result."""

import gc
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import ctranslate2
import numpy as np
import numpy.typing as npt
import pytest
from askwell_convert.convert import Report, Request, convert
from askwell_convert.specification import Precision

RunConvert = Callable[..., Report]
ComputeLogits = Callable[..., npt.NDArray[np.float32]]


class Silent:
    """Progress that nobody watches."""

    def begin(self, total_bytes: int) -> None:
        pass

    def advance(self, tensor: str, count_bytes: int) -> None:
        pass


@pytest.fixture
def run_convert() -> RunConvert:
    """``run_convert(source, output, quantization="float32", weight_range=0, **request)``."""

    def run(
        source: Path, output: Path, quantization: str = "float32", weight_range: int = 0, **request: object
    ) -> Report:
        precision = Precision(quantization, weight_range)
        return convert(Request(str(source), output, precision, **request), Silent())  # type: ignore[arg-type]

    return run


@pytest.fixture
def compute_logits() -> Iterator[ComputeLogits]:
    """ctranslate2's logits, [len(ids), vocabulary], of a converted folder: ``compute_logits(folder, ids)``,
    in float32 unless a compute type follows."""

    def compute(folder: Path, ids: Sequence[int], compute_type: str = "float32") -> npt.NDArray[np.float32]:
        vocabulary = json.loads((folder / "vocabulary.json").read_text())
        generator = ctranslate2.Generator(
            str(folder), device="cpu", compute_type=compute_type, intra_threads=1
        )
        logits = np.array(generator.forward_batch([[vocabulary[i] for i in ids]]))[0]
        del generator
        return logits

    yield compute
    gc.collect()
