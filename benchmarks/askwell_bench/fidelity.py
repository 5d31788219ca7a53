"""How much of the model's mind a quantized folder keeps, against a float32 folder of the same weights.

Perplexity ratio, mean Kullback-Leibler divergence KL(reference || model) in nats per token, and the share of
positions where both name the same likeliest token, with 95% intervals, over the given documents in windows of
512 tokens: what ``askwell-convert certify`` writes into a manifest, here for documents of any kind.
"""

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from askwell_convert.calibration.steps import STEPS
from askwell_convert.certificate import Divergence, Estimate, Figures
from askwell_convert.checkpoint import FloatRows
from askwell_interview import document_from_bytes
from askwell_manifest import read_manifest
from tokenizers import Tokenizer

from .generator import limit_isa, load_generator
from .result import add_out, finish, model_facts

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
    figures = {**told(divergence.figures()), "compute_type": model.compute_type}
    for name, value in figures.items():
        print(f"  {name:<26}{value!s:>20}")
    steps = (manifest.calibration or {}).get("steps")
    how = (
        ""
        if steps is None
        else "-".join(["-calibrated", *(f"no-{each}" for each in STEPS if each not in steps)])
    )
    name = f"{NAME}-range-{manifest.weight_range}{how}-{arguments.isa}"
    told_of = {"model": model_facts(manifest), "calibration": manifest.calibration}
    finish(NAME, {**told_of, **figures}, arguments.out, name=name)
    return 0


def told(figures: Figures) -> dict[str, Any]:
    """Keys as the results have them; an interval stands beside its figure."""
    flat = {}
    for field in fields(figures):
        value = getattr(figures, field.name)
        flat[field.name] = value.value if isinstance(value, Estimate) else value
        if isinstance(value, Estimate):
            flat[f"{field.name}_interval"] = list(value.interval)
    return flat


def text_windows(tokenizer: Tokenizer, paths: Sequence[Path]) -> list[list[int]]:
    """The documents' tokens in windows of at most 512, none shorter than 2."""
    windows = []
    for path in paths:
        ids = tokenizer.encode(document_from_bytes(path.read_bytes()).text, add_special_tokens=False).ids
        windows += [ids[i : i + WINDOW] for i in range(0, len(ids) - 1, WINDOW)]
    return [window for window in windows if len(window) > 1]


def log_probs(generator: Any, tokenizer: Tokenizer, ids: Sequence[int]) -> FloatRows:
    """Log-probabilities of what follows each token but the last: [len(ids) - 1, vocabulary], float32.

    From whatever device and precision the generator computes in.
    """
    import ctranslate2

    tokens = [tokenizer.id_to_token(i) for i in ids]
    scores = generator.forward_batch([tokens], return_log_probs=True).to_device(ctranslate2.Device.cpu)
    found = np.array(scores, dtype=np.float32)
    return np.asarray(found[0, : len(ids) - 1, : tokenizer.get_vocab_size()])
