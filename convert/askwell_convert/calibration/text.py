"""The text that a model is calibrated on, and the token sequences it makes."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from ..errors import ConvertError
from ..source import Source
from ..tokenizer import parse_tokenizer

SEQUENCE_TOKENS = 256
_SEPARATOR = "\n---\n"  # between documents


def read_texts(paths: Sequence[Path]) -> list[tuple[str, str]]:
    """The files' texts, or the built-in one for no files, each with the sha256 of its bytes: jobs, résumés
    and interview questions, written for this. Raises ConvertError for a file that is no text."""
    found = []
    for path in paths or [Path(str(files(__package__) / "text.txt"))]:
        data = path.read_bytes()
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise ConvertError(f"{path} is no UTF-8 text; calibrate with plain text files") from None
        found.append((text.replace("\r\n", "\n"), hashlib.sha256(data).hexdigest()))
    return found


def token_sequences(texts: Sequence[str], source: Source, most_tokens: int) -> list[list[int]]:
    """Sequences of at most 256 tokens from the documents of texts, evenly over all of them, as the model
    would read them. Raises ConvertError for texts that are too short to say anything."""
    tokenizer = parse_tokenizer(source.tokenizer.json_text, source.label)
    special = source.tokenizer.special
    bos = tokenizer.token_to_id(special.bos) if special.add_bos and special.bos else None
    begin = [] if bos is None else [bos]
    sequences = []
    for document in _SEPARATOR.join(texts).split(_SEPARATOR):
        ids = tokenizer.encode(document.strip(), add_special_tokens=False).ids
        size = SEQUENCE_TOKENS - len(begin)
        sequences += [begin + ids[start : start + size] for start in range(0, len(ids), size)]
    total = sum(map(len, sequences))
    if total < SEQUENCE_TOKENS:
        raise ConvertError(f"the calibration text has {total} tokens; at least {SEQUENCE_TOKENS} are needed")
    if total <= most_tokens:
        return sequences
    kept, count, passed = [], 0, 0
    for sequence in sequences:  # each where its share is due
        passed += len(sequence)
        if count + len(sequence) <= min(most_tokens, most_tokens * passed / total + SEQUENCE_TOKENS / 2):
            kept.append(sequence)
            count += len(sequence)
    return kept
