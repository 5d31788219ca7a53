"""The tokenizer that goes into the model folder, and what else a source says about its tokens."""

import itertools
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from .errors import ConvertError

CHAT_END_TOKENS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>")
"""Turns end with one of these in the common chat formats, whatever single end token a source names."""


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Spellings of the tokens with a role; ``ends`` are those that end a text, the source's own first."""

    bos: str | None
    eos: str
    unk: str | None
    ends: tuple[str, ...]
    add_bos: bool


@dataclass(frozen=True, slots=True)
class SourceTokenizer:
    """``json_text`` is the content of tokenizer.json; ``chat_template`` is Jinja, None for a base model."""

    json_text: str
    special: SpecialTokens
    chat_template: str | None


def parse_tokenizer(json_text: str, where: str) -> Tokenizer:
    """Raises ConvertError when the tokenizers library cannot read it, as the server would have to."""
    try:
        tokenizer = Tokenizer.from_str(json_text)
    except Exception as error:  # the library raises plain Exception
        raise ConvertError(f"{where} is no tokenizer that can be read: {error}") from None
    tokenizer.no_truncation()  # that of a training run may be in the file
    tokenizer.no_padding()
    return tokenizer


def refuse_duplicates(json_text: str, where: str) -> None:
    """Raises ConvertError for a vocabulary that has a token or an id twice: the library keeps the last."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        _refuse_twice((key for key, _ in pairs), where)
        return dict(pairs)

    try:
        data = json.loads(json_text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise ConvertError(f"cannot read {where}: {error}") from None
    match data:
        case {"model": {"vocab": [*pieces]}}:  # Unigram's, in the order of their ids
            _refuse_twice((piece[0] for piece in pieces), where)
    match data:
        case {"added_tokens": [*added]}:
            _refuse_twice((token["content"] for token in added), where)
            _refuse_twice((token["id"] for token in added), where)


def _refuse_twice(keys: Iterable[object], where: str) -> None:
    keys = list(keys)
    if len(set(keys)) < len(keys):
        raise ConvertError(f"{where} has {Counter(keys).most_common(1)[0][0]!r} twice")


def model_vocabulary(tokenizer: Tokenizer, size: int, padding_token: str, where: str) -> list[str]:
    """Token spellings by id, exactly ``size`` of them: ids that the tokenizer lacks get unique padding names.

    Raises ConvertError when the tokenizer has more ids than the embedding has rows, or one id twice.
    """
    spellings: list[str | None] = [None] * size
    for token, token_id in tokenizer.get_vocab(with_added_tokens=True).items():
        if token_id >= size:
            raise ConvertError(
                f"{where} has token {token!r} with id {token_id}; the embedding has only {size} rows"
            )
        if spellings[token_id] is not None:
            raise ConvertError(f"{where} gives id {token_id} to {spellings[token_id]!r} and to {token!r}")
        spellings[token_id] = token
    taken = {token for token in spellings if token is not None}
    padding = (token for n in itertools.count(1) if (token := padding_token.format(n)) not in taken)
    return [token if token is not None else next(padding) for token in spellings]


def end_tokens(own: Iterable[str], vocabulary: Iterable[str], *, chat: bool) -> tuple[str, ...]:
    """The source's own end tokens, and the usual ones of chat formats that the vocabulary has."""
    known = set(vocabulary)
    usual = CHAT_END_TOKENS if chat else ()
    return tuple(dict.fromkeys([*own, *(token for token in usual if token in known)]))
