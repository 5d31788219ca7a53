"""How much of the model's mind a quantized folder keeps, against a float32 folder of the same weights.

Perplexity ratio, mean Kullback-Leibler divergence KL(reference || model) in nats per token, and the share of
positions where both name the same likeliest token, over the given documents in windows of 512 tokens.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from askwell_interview import document_from_bytes
from tokenizers import Tokenizer

from .generator import limit_isa, load_generator
from .result import add_out, finish

NAME = "fidelity"
WINDOW = 512


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
    limit_isa(arguments.isa)
    tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    windows = _windows(tokenizer, arguments.text)
    threads = 2
    reference = load_generator(arguments.reference, compute_type="float32", intra_threads=threads)
    model = load_generator(arguments.model, intra_threads=threads)
    nll_reference = nll_model = kl = 0.0
    same = count = 0
    for ids in windows:
        expected, got = _log_probs(reference, tokenizer, ids), _log_probs(model, tokenizer, ids)
        following = np.asarray(ids[1:])
        rows = np.arange(len(following))
        nll_reference -= float(expected[rows, following].sum())
        nll_model -= float(got[rows, following].sum())
        kl += float((np.exp(expected) * (expected - got)).sum())
        same += int((expected.argmax(1) == got.argmax(1)).sum())
        count += len(following)
    ppl_reference, ppl_model = np.exp(nll_reference / count), np.exp(nll_model / count)
    figures = {
        "tokens": count,
        "perplexity_reference": round(float(ppl_reference), 3),
        "perplexity": round(float(ppl_model), 3),
        "perplexity_ratio": round(float(ppl_model / ppl_reference), 4),
        "mean_kl": round(kl / count, 5),
        "same_top1": round(same / count, 4),
        "compute_type": model.compute_type,
    }
    for name, value in figures.items():
        print(f"  {name:<22}{value:>14}")
    finish(NAME, figures, arguments.out)
    return 0


def _windows(tokenizer: Tokenizer, paths: list[Path]) -> list[list[int]]:
    """The documents' tokens in windows of at most 512, none shorter than 2."""
    windows = []
    for path in paths:
        ids = tokenizer.encode(document_from_bytes(path.read_bytes()).text, add_special_tokens=False).ids
        windows += [ids[i : i + WINDOW] for i in range(0, len(ids) - 1, WINDOW)]
    return [window for window in windows if len(window) > 1]


def _log_probs(
    generator: Any, tokenizer: Tokenizer, ids: list[int]
) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """Log-probabilities of what follows each token but the last: [len(ids) - 1, vocabulary], float32."""
    tokens = [tokenizer.id_to_token(i) for i in ids]
    found = np.array(generator.forward_batch([tokens], return_log_probs=True), dtype=np.float32)
    return np.asarray(found[0, : len(ids) - 1, : tokenizer.get_vocab_size()])
