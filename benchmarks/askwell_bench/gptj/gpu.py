"""The stages that need an NVIDIA GPU, and what they demand before they run.

``gpu-fidelity`` comes first: how true this card is to the default model stands before any speed, and the
others refuse to run without it. What it found is kept in the work folder, under the card's name.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, replace

from ..result import write_whole
from . import (
    gpu_allocator,
    gpu_decode,
    gpu_fidelity,
    gpu_jit,
    gpu_mlperf,
    gpu_sampling,
    gpu_sets,
    gpu_transformers,
)
from .gpu_card import Card, find_card
from .stage import Finding, Stage, Work

FIDELITY = "gpu-fidelity"
FLOAT16_STAGES = ("gpu-decode", "gpu-transformers")
"""Those that compare int8 with the same model in float16, and make it where it is not there."""

_NOTE = "gpu-fidelity.json"


def _fidelity(work: Work) -> Finding:
    card = _card(work)
    found = gpu_fidelity.measure(work)
    write_whole(work.folder / _NOTE, json.dumps({"card": card.name, "lines": found.lines}) + "\n")
    return _told(card, found)


def _after_fidelity(measure: Callable[[Work], Finding]) -> Callable[[Work], Finding]:
    """The same stage behind the lines of gpu-fidelity. Raises RuntimeError where this card has none."""

    def run(work: Work) -> Finding:
        card = _card(work)
        lines = _fidelity_lines(work, card)
        if not work.model.is_dir():
            raise RuntimeError(
                f"there is no model at {work.model}; run the stages checkpoint and convert first"
            )
        print("\n".join(lines), flush=True)
        return _told(card, measure(work))

    return run


def _card(work: Work) -> Card:
    if work.device != "cuda":
        raise RuntimeError("this stage is for an NVIDIA GPU: give --device cuda")
    return find_card()


def _fidelity_lines(work: Work, card: Card) -> list[str]:
    try:
        note = json.loads((work.folder / _NOTE).read_text(encoding="utf-8"))
        lines: list[str] = note["lines"] if note["card"] == card.name else []
    except (OSError, ValueError, KeyError, TypeError):
        lines = []
    if not lines:
        raise RuntimeError(
            f"run {FIDELITY} on this {card.name} first, with --again if it has an older result"
        )
    return lines


def _told(card: Card, found: Finding) -> Finding:
    return replace(found, figures={"gpu": asdict(card), **found.figures})


def _stage(name: str, summary: str, measure: Callable[[Work], Finding]) -> Stage:
    return Stage(name, summary, _after_fidelity(measure), "cuda")


GPU_STAGES = (
    Stage(FIDELITY, "the default model's perplexity and KL on this GPU", _fidelity, "cuda"),
    _stage("gpu-decode", "prefill and batch sizes 1-64, int8_float16 and float16", gpu_decode.measure),
    _stage("gpu-transformers", "transformers float16 on the same GPU", gpu_transformers.measure),
    _stage("gpu-sampling", "what top-k and top-p add to a step", gpu_sampling.measure),
    _stage("gpu-allocator", "allocators, and a request after a pause", gpu_allocator.measure),
    _stage("gpu-jit", "the first request with an empty and a kept CUDA cache", gpu_jit.measure),
    _stage("gpu-sets", "question sets, directly and served", gpu_sets.measure),
    _stage("gpu-mlperf", "MLPerf's shape, greedy and 4 beams", gpu_mlperf.measure),
)
