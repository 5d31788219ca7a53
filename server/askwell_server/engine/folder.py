"""The model folder as the engine needs it: its vocabulary, checked against the manifest.

CTranslate2 takes prompts as strings and looks each up, silently replacing what it does not know. So every
string given to it comes from here, by token id, and a vocabulary in which that could go wrong is refused.
"""

import json
from pathlib import Path

from askwell_manifest import Manifest


class ModelRefused(Exception):
    """A model that this server cannot serve. The message is one line that says what to do."""


def read_vocabulary(folder: Path, manifest: Manifest) -> list[str]:
    """Token spellings by id. Raises ModelRefused where ids and spellings do not map one to one."""
    path = folder / "vocabulary.json"
    try:
        vocabulary = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelRefused(f"cannot read {path}: {error}") from None
    if not isinstance(vocabulary, list) or not all(isinstance(token, str) for token in vocabulary):
        raise ModelRefused(f"{path} is not a list of tokens; convert the model again")
    if len(vocabulary) != manifest.vocabulary_size:
        raise ModelRefused(
            f"{path} has {len(vocabulary)} tokens, the manifest says {manifest.vocabulary_size}; "
            "convert the model again"
        )
    if len(set(vocabulary)) != len(vocabulary):
        raise ModelRefused(f"{path} repeats a token; convert the model again")
    return vocabulary


def end_ids_of(manifest: Manifest, vocabulary: list[str]) -> tuple[int, ...]:
    """Ids of the tokens that end a text. Raises ModelRefused when there is none or one is unknown."""
    ids = {token: i for i, token in enumerate(vocabulary)}
    if unknown := [token for token in manifest.end_tokens if token not in ids]:
        raise ModelRefused(f"end token {unknown[0]!r} is not in the vocabulary; convert the model again")
    if not manifest.end_tokens:
        raise ModelRefused("the manifest names no end token; convert the model again")
    return tuple(ids[token] for token in manifest.end_tokens)
