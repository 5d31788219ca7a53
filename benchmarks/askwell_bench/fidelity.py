"""How much of the model's mind a quantized folder keeps, against a float32 folder of the same weights.

Perplexity ratio, mean Kullback-Leibler divergence KL(reference || model) in nats per token, and the share of
positions where both name the same likeliest token, over the given documents in windows of 512 tokens.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from askwell_interview import document_from_bytes
from askwell_manifest import read_manifest
from tokenizers import Tokenizer

from .generator import limit_isa, load_generator
from .result import add_out, finish, model_facts

NAME = "fidelity"
WINDOW = 512

LogProbs = npt.NDArray[np.float32]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="the quantized folder")
    parser.add_argument("--reference", type=Path, required=True, metavar="DIR", help="its float32 conversion")
    parser.add_argument("--text", type=Path, nargs="+", required=True, help="documents: text, PDF or DOCX")
    parser.add_argument(
        "--isa",
        choices=("native", "avx2"),
        default="native",
        help="avx2: compute as a CPU without VNNI does (default: as this one does)",
    )
    add_out(parser)


def run(arguments: argparse.Namespace) -> int:
    manifest = read_manifest(arguments.model)
    read_manifest(arguments.reference)
    limit_isa(arguments.isa)
    tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    windows = text_windows(tokenizer, arguments.text)
    threads = 2
    reference = load_generator(arguments.reference, compute_type="float32", intra_threads=threads)
    model = load_generator(arguments.model, intra_threads=threads)
    divergence = Divergence()
    for ids in windows:
        divergence.add(log_probs(reference, tokenizer, ids), log_probs(model, tokenizer, ids), ids[1:])
    figures = {**divergence.figures(), "compute_type": model.compute_type}
    for name, value in figures.items():
        print(f"  {name:<22}{value:>14}")
    name = f"{NAME}-range-{manifest.weight_range}-{arguments.isa}"
    finish(NAME, {"model": model_facts(manifest), **figures}, arguments.out, name=name)
    return 0


@dataclass(slots=True)
class Divergence:
    """How far a model is from its reference, over the positions that were added."""

    count: int = 0
    nll_reference: float = 0.0
    nll: float = 0.0
    kl: float = 0.0
    same: int = 0

    def add(self, expected: LogProbs, got: LogProbs, following: Sequence[int]) -> None:
        """Log-probabilities of reference and model, [positions, vocabulary], and the tokens that followed."""
        rows = np.arange(len(following))
        told = np.asarray(following)
        self.nll_reference -= float(expected[rows, told].sum())
        self.nll -= float(got[rows, told].sum())
        self.kl += float((np.exp(expected) * (expected - got)).sum())
        self.same += int((expected.argmax(1) == got.argmax(1)).sum())
        self.count += len(following)

    def figures(self) -> dict[str, float]:
        """Of at least one position. Keys as the results have them."""
        reference, model = np.exp(self.nll_reference / self.count), np.exp(self.nll / self.count)
        return {
            "tokens": self.count,
            "perplexity_reference": round(float(reference), 3),
            "perplexity": round(float(model), 3),
            "perplexity_ratio": round(float(model / reference), 4),
            "mean_kl": round(self.kl / self.count, 5),
            "same_top1": round(self.same / self.count, 4),
        }


def text_windows(tokenizer: Tokenizer, paths: Sequence[Path]) -> list[list[int]]:
    """The documents' tokens in windows of at most 512, none shorter than 2."""
    windows = []
    for path in paths:
        ids = tokenizer.encode(document_from_bytes(path.read_bytes()).text, add_special_tokens=False).ids
        windows += [ids[i : i + WINDOW] for i in range(0, len(ids) - 1, WINDOW)]
    return [window for window in windows if len(window) > 1]


def log_probs(generator: Any, tokenizer: Tokenizer, ids: Sequence[int]) -> LogProbs:
    """Log-probabilities of what follows each token but the last: [len(ids) - 1, vocabulary], float32.

    From whatever device and precision the generator computes in.
    """
    import ctranslate2

    tokens = [tokenizer.id_to_token(i) for i in ids]
    scores = generator.forward_batch([tokens], return_log_probs=True).to_device(ctranslate2.Device.cpu)
    found = np.array(scores, dtype=np.float32)
    return np.asarray(found[0, : len(ids) - 1, : tokenizer.get_vocab_size()])
