"""Whether a model folder is what was written, and computes."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from askwell_manifest import read_manifest, verify_files

from .errors import ConvertError
from .generator import Generator, token_states
from .tokenizer import parse_tokenizer

PROMPT = "The most important thing about a good interview is"
NEW_TOKENS = 16


@dataclass(frozen=True, slots=True)
class Verified:
    """What was read, and what the model made of the fixed prompt: an encoder does not continue it."""

    files: int
    bytes: int
    prompt: str
    continuation: str | None


def verify(folder: Path) -> Verified:
    """Raises ManifestError or ConvertError, one line, for the first thing that is not as it should be."""
    manifest = read_manifest(folder)
    if "model.bin" not in manifest.files:
        raise ConvertError(f"{folder} names no model.bin in its manifest; convert the model again")
    verify_files(folder, manifest)
    tokenizer = parse_tokenizer((folder / "tokenizer.json").read_text(encoding="utf-8"), "tokenizer.json")
    first = [manifest.bos_token] if manifest.add_bos and manifest.bos_token else []
    prompt = first + tokenizer.encode(PROMPT, add_special_tokens=False).tokens
    count = min(NEW_TOKENS, manifest.positions - len(prompt))
    if not prompt or count < 1:
        raise ConvertError(f"{folder} has {manifest.positions} positions: too few for the prompt")
    continuation: str | None = None
    if manifest.encodes:
        finite = bool(np.isfinite(token_states(folder, manifest, [prompt])).all())
    else:
        ids, score = Generator(folder, manifest, "cpu").continue_text(prompt, count)
        finite, continuation = math.isfinite(score), tokenizer.decode(ids)
    if not finite:
        raise ConvertError(f"{folder} computes values that are no numbers; convert the model again")
    return Verified(
        files=len(manifest.files),
        bytes=sum(record.bytes for record in manifest.files.values()),
        prompt=PROMPT,
        continuation=continuation,
    )
