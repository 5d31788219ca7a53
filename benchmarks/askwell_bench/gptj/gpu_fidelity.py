"""The stage ``gpu-fidelity``: what this GPU does to a real model's mind. No speed is told before it.

The default model, int8 for GPUs, float16 and float32, against float32 on the GPU and float32 on the CPU,
over the given documents. CT2_CUDA_TRUE_FP16_GEMM says whether float16 products add up in float16 (1,
ctranslate2's own default: fast, and wrong where sums grow large) or in float32 (0); it is read when a
thread starts, so each case is a process of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .gpu_folder import converted
from .gpu_lineup import HALF, INT8, Lineup
from .stage import Finding, Work

INT8_SAFE, INT8_FAST, FLOAT16, FLOAT32 = "int8, sums in float32", "int8", "float16", "float32"
_ASK_LIMIT_S = 300.0


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    quantized: bool
    compute_type: str
    environment: Mapping[str, str] = field(default_factory=dict)


def measure(work: Work) -> Finding:
    """Raises RuntimeError when there is no model or no text to judge with, or no case came through."""
    if work.default_model is None or not work.texts:
        raise RuntimeError("gpu-fidelity needs --default-model GGUF and --texts FILES")
    rows: dict[str, Any] = {}
    with Lineup() as lineup:
        int8 = converted(
            work.default_model, work.folder / "default-model-int8-cuda", lineup.deadline, "--target", "cuda"
        )
        whole = converted(
            work.default_model, work.folder / "default-model-float32", lineup.deadline,
            "--quantization", "float32",
        )  # fmt: skip
        for case in _cases(work.device):
            settings = {
                "model": str(int8 if case.quantized else whole),
                "reference": str(whole),
                "device": work.device,
                "compute_type": case.compute_type,
                "threads": work.threads,
            }
            worker = lineup.open(case.name, "askwell_bench.gptj.gpu_mind", settings, case.environment)
            if worker is None:
                continue
            texts = [str(path.resolve()) for path in work.texts]
            told = lineup.ask(case.name, "compare", _ASK_LIMIT_S, texts=texts)
            if told is not None:
                rows[case.name] = {**told, "compute_type": case.compute_type, "environment": case.environment}
                lineup.close(case.name)
    if INT8_FAST not in rows and INT8_SAFE not in rows:
        raise RuntimeError(next(iter(lineup.failed.values()), "nothing was measured"))
    return Finding(_lines(rows), {"cases": rows, **lineup.told()})


def _cases(device: str) -> tuple[_Case, ...]:
    gemm = "CT2_CUDA_TRUE_FP16_GEMM"
    return (
        _Case(INT8_SAFE, True, INT8[device], {gemm: "0"}),
        _Case(INT8_FAST, True, INT8[device], {gemm: "1"}),
        _Case(FLOAT16, False, HALF[device]),
        _Case(FLOAT32, False, "float32"),
    )


def _lines(rows: Mapping[str, Any]) -> tuple[str, ...]:
    lines = [f"{'default model':<26}{'float32 on':>16}{'perplexity':>12}{'KL':>10}{'same top':>10}"]
    for name, row in rows.items():
        for place in ("cpu",) if name == FLOAT32 else ("device", "cpu"):
            told = row[place]
            lines.append(
                f"{name:<26}{'same GPU' if place == 'device' else 'CPU':>16}"
                f"{'× ' + format(told['perplexity_ratio'], '.4f'):>12}"
                f"{told['mean_kl']:>10.5f}{told['same_top1']:>10.4f}"
            )
    return tuple(lines)
