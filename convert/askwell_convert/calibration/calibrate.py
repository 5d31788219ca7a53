"""Calibration: int8 fitted to what a model computes on a text."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..source import Source, file_name
from ..variable import Made, Observer
from .decoder import decoder_of
from .layerwise import Layerwise, OnTensor
from .rotation import random_turn
from .steps import STEPS
from .text import read_texts, token_sequences
from .weights import Weights

_TOKENS, _FEW_TOKENS, _LARGE = 4096, 1024, 1_000_000_000  # from so many weights on, fewer tokens


@dataclass(frozen=True, slots=True)
class Calibration:
    """``texts`` are files, none for the built-in text; ``tokens`` of them at most, None for 4,096, or 1,024
    for a model of a billion weights and more. ``steps`` are some of STEPS."""

    texts: tuple[Path, ...] = ()
    tokens: int | None = None
    steps: frozenset[str] = frozenset(STEPS)


@dataclass(slots=True)
class Calibrated:
    """Variables in place of the checkpoint's, and what the manifest tells of how they came about."""

    made: dict[str, Made] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)


def weight_count(source: Source) -> int:
    """Values of all matrices: what ``on_tensor`` adds up to."""
    return sum(
        int(np.prod(part.shape))
        for parts in source.plan.weights.values()
        for part in parts
        if len(part.shape) > 1
    )


def calibrated_bytes(source: Source) -> int:
    """Room on disk that a calibrated int8 model and its making take: each matrix twice, an embedding that
    also served as the projection four times, vectors in float32."""
    embedding = source.plan.vocabulary_size * decoder_of(source.plan).width
    return 2 * (weight_count(source) + embedding) + 4 * source.plan.vocabulary_size


def calibrate(
    source: Source,
    settings: Calibration,
    weight_range: int,
    folder: Path,
    on_tensor: OnTensor,
    observer: Observer | None = None,
) -> Calibrated:
    """Raises ConvertError for a model that cannot be computed here, or a text that cannot be used. ``folder``
    holds the matrices until the model is written; ``observer`` sees them as they were when rounded."""
    started = time.monotonic()
    decoder = decoder_of(source.plan)
    texts = read_texts(settings.texts)
    most = settings.tokens or (_FEW_TOKENS if weight_count(source) >= _LARGE else _TOKENS)
    sequences = token_sequences([text for text, _ in texts], source, most)
    turn = random_turn(decoder.width, keep_ones=decoder.parallel) if "rotation" in settings.steps else None
    steps = settings.steps - ({"smoothing"} if decoder.parallel else set())  # its feed-forward has no gate
    weights = Weights(source, turn)
    run = Layerwise(source, decoder, weights, steps, weight_range, folder, on_tensor, observer)
    run.run(sequences)
    record = {
        "steps": [step for step in STEPS if step in steps],
        "tokens": sum(map(len, sequences)),
        "text": [file_name(path) for path in settings.texts] or ["built in"],
        "text_sha256": [sha256 for _, sha256 in texts],
        "strengths": run.strengths,
        "plain_error": round(float(np.mean([plain for plain, _ in run.errors.values()])), 5),
        "error": round(float(np.mean([now for _, now in run.errors.values()])), 5),
        "seconds": round(time.monotonic() - started, 1),
    }
    return Calibrated(run.made, record)
