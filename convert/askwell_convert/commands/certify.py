"""Measure what quantization did to a model, and write that into its manifest.

The model is compared with its unquantized source on the given texts, window by window of 512 tokens, with the
compute type and the instruction set at hand. To certify for a CPU without VNNI on one that has it, set
CT2_USE_MKL=0 ONEDNN_MAX_CPU_ISA=AVX2. Exit code 1 when the certificate was written and does not pass.
"""

import argparse
import sys
import time
from pathlib import Path

from askwell_manifest import Certificate, Thresholds

NAME = "certify"
LINE_EVERY_S = 5.0
NOT_PASSED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="the model folder")
    parser.add_argument(
        "--reference",
        required=True,
        metavar="SOURCE",
        help="what the folder was converted from; or a float32 conversion of that, made before, which saves "
        "making one in a temporary folder beside DIR",
    )
    parser.add_argument(
        "--text", type=Path, nargs="+", required=True, metavar="FILE",
        help="plain text, other than any the model was calibrated with",
    )  # fmt: skip
    parser.add_argument("--revision", help="the branch, tag or commit of a hub id")
    parser.add_argument("--adapter", type=Path, metavar="DIR", help="the adapter that was merged")
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="what to compute on (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    from ..certify import CertifyRequest, certify
    from ..progress import progress_on_stderr

    request = CertifyRequest(
        folder=arguments.folder,
        reference=arguments.reference,
        texts=tuple(arguments.text),
        revision=arguments.revision,
        adapter=arguments.adapter,
        device=arguments.device,
    )
    with progress_on_stderr() as progress:
        certificate = certify(request, progress, _Lines())
    print("\n".join(certificate_lines(certificate)))
    failures = certificate.failures(Thresholds())
    print("  verdict               " + ("; ".join(failures) or "passes"))
    return NOT_PASSED if failures else 0


def certificate_lines(certificate: Certificate) -> list[str]:
    """A table for a person."""
    c = certificate
    rows = {
        "perplexity ratio": f"{c.perplexity_ratio:.4f}   {_told(c.perplexity_ratio_interval)}",
        "mean KL": f"{c.mean_kl:.4f}   {_told(c.mean_kl_interval)} nats a token",
        "same top-1": f"{c.same_top1:.4f}   {_told(c.same_top1_interval)}",
        "same top-5": f"{c.same_top5:.4f}   {_told(c.same_top5_interval)}",
        "largest deviation": f"{c.largest_deviation:.4f}   of a token's probability",
        "perplexity": f"{c.perplexity:.3f}, reference {c.perplexity_reference:.3f}",
        "text": f"{c.tokens:,} tokens in {c.windows:,} windows, sha256 {c.text_sha256[:12]}",
        "computed": f"{c.compute_type} on {c.device}: {c.instruction_set}",
        "reference": f"{c.reference}, {c.method}",
    }
    return [f"  {name:<20}  {value}" for name, value in rows.items()]


def _told(interval: tuple[float, float]) -> str:
    return f"({interval[0]:.4f} … {interval[1]:.4f})"


class _Lines:
    """A line on stderr now and then."""

    def __init__(self) -> None:
        self._spoken = time.monotonic()

    def layers(self, done: int, total: int) -> None:
        self._say(f"reference: {done} of {total} layers")

    def tokens(self, done: int, total: int) -> None:
        self._say(f"compared {done:,} of {total:,} tokens")

    def _say(self, line: str) -> None:
        now = time.monotonic()
        if now - self._spoken >= LINE_EVERY_S:
            self._spoken = now
            print(line, file=sys.stderr, flush=True)
