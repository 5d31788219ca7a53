"""A tokenizer of GPT-J's kind and size, made up, so that the benchmark needs no download.

Byte-level BPE as GPT-2's: 256 byte symbols, merges of two bytes each, ``<|endoftext|>``, and
``<|extratoken_N|>`` for the embedding's padding rows. With GPT-J's 50400 rows that is 50000 merges, the
common letters' first. A token stands for about two bytes of English, where GPT-2's stands for about four;
speed is measured in tokens.
"""

import json
from itertools import product
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, processors
from tokenizers.models import BPE

from .shape import END_TOKEN, REAL_VOCABULARY

_COMMON_FIRST = "Ġetaoinshrdlucmfwypvbgkjqxz"


def write_tokenizer(folder: Path, size: int, positions: int) -> None:
    """tokenizer.json and tokenizer_config.json with exactly ``size`` tokens."""
    vocab, merges = _byte_pairs(min(size, REAL_VOCABULARY) - 1)
    tokenizer = Tokenizer(BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_special_tokens([AddedToken(END_TOKEN, special=True, normalized=False)])
    extra = range(1, size - REAL_VOCABULARY + 1)
    tokenizer.add_tokens([AddedToken(f"<|extratoken_{number}|>", normalized=False) for number in extra])
    tokenizer.save(str(folder / "tokenizer.json"))
    roles = {f"{role}_token": END_TOKEN for role in ("bos", "eos", "unk")}
    settings = {"tokenizer_class": "GPT2Tokenizer", "model_max_length": positions, **roles}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")


def _byte_pairs(size: int) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """``size`` tokens: the bytes, then pairs of them. Raises ValueError where there are not as many."""
    others = sorted(set(pre_tokenizers.ByteLevel.alphabet()) - set(_COMMON_FIRST))
    symbols = [*_COMMON_FIRST, *others]
    count = size - len(symbols)
    if not 0 <= count <= len(symbols) ** 2:
        raise ValueError(f"a vocabulary of byte pairs cannot have {size + 1} tokens")
    ranks = sorted(product(range(len(symbols)), repeat=2), key=sum)
    merges = [(symbols[left], symbols[right]) for left, right in ranks[:count]]
    tokens = [*symbols, *(left + right for left, right in merges)]
    return {token: number for number, token in enumerate(tokens)}, merges
