"""A certificate that passes, for the tests to spoil."""

from askwell_manifest import Certificate

CERTIFICATE = Certificate(
    perplexity_ratio=1.02, perplexity_ratio_interval=(1.01, 1.03),
    mean_kl=0.021, mean_kl_interval=(0.019, 0.023),
    same_top1=0.9, same_top1_interval=(0.88, 0.92),
    same_top5=0.91, same_top5_interval=(0.9, 0.92),
    largest_deviation=0.4, perplexity=20.4, perplexity_reference=20.0,
    tokens=20_000, windows=40, window_tokens=512,
    device="cpu", compute_type="int8_float32", instruction_set="MKL with VNNI, kernels AVX2",
    saturates=False, model_sha256="ab" * 32, text_sha256="cd" * 32,
    reference="tiny.gguf", method="float32 conversion", engine="ctranslate2 4.8.5", date="2026-11-23",
)  # fmt: skip
