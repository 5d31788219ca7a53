"""tokenizer.json out of the metadata of a GGUF file."""

import math
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE

from .errors import ConvertError
from .gguf_sentencepiece import sentencepiece_tokenizer
from .settings import Settings
from .tokenizer import SourceTokenizer, SpecialTokens

KINDS = ("gpt2", "llama")  # byte-level BPE, and sentencepiece
UNKNOWN, CONTROL, USER_DEFINED = 2, 3, 4  # llama.cpp's token types that are matched before text is split

LLAMA_3 = ("llama-bpe", "llama3")
# The splitting patterns as the models' own tokenizer.json spells them; Llama 3 has \p{N}{1,3}, Qwen 2 \p{N}.
MODERN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def gguf_tokenizer(metadata: Settings) -> SourceTokenizer:
    """Raises ConvertError for a kind of tokenizer that is not known here, or one that contradicts itself."""
    values, where = metadata.values, metadata.where
    if (kind := values.get("tokenizer.ggml.model")) not in KINDS:
        raise ConvertError(
            f"{where} has a tokenizer of kind {kind!r}; only byte-level BPE ('gpt2') and sentencepiece "
            "('llama') are known"
        )
    tokens = _strings(metadata, "tokenizer.ggml.tokens")
    types = values.get("tokenizer.ggml.token_type", [1] * len(tokens))
    if not isinstance(types, list) or len(types) != len(tokens):
        raise ConvertError(f"{where} has not as many token types as tokens")
    vocabulary = {token: token_id for token_id, token in enumerate(tokens)}
    if len(vocabulary) != len(tokens):
        twice = next(token for token_id, token in enumerate(tokens) if vocabulary[token] != token_id)
        raise ConvertError(f"{where} has the token {twice!r} twice")

    pre = values.get("tokenizer.ggml.pre", "gpt-2")
    if kind == "llama":
        tokenizer = sentencepiece_tokenizer(
            vocabulary,
            _scores(metadata, len(tokens)),
            next((token for token, type_ in zip(tokens, types, strict=True) if type_ == UNKNOWN), None),
            add_space=values.get("tokenizer.ggml.add_space_prefix", True) is not False,
            where=where,
        )
    else:
        tokenizer = _byte_level(vocabulary, _strings(metadata, "tokenizer.ggml.merges"), pre, where)
    tokenizer.add_special_tokens(
        [t for t, type_ in zip(tokens, types, strict=True) if type_ in (UNKNOWN, CONTROL)]
    )
    defined = [t for t, type_ in zip(tokens, types, strict=True) if type_ == USER_DEFINED]
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in defined])

    eos = _role(metadata, "eos", tokens)
    if eos is None:
        raise ConvertError(f"{where} does not say which token ends a text (tokenizer.ggml.eos_token_id)")
    bos = _role(metadata, "bos", tokens)
    eot = _role(metadata, "eot", tokens)
    special = SpecialTokens(
        bos=bos,
        eos=eos,
        unk=_role(metadata, "unknown", tokens),
        ends=(eos,) if eot is None or eot == eos else (eos, eot),
        # llama.cpp adds it unasked for sentencepiece and for Llama 3's tokenizer.
        add_bos=bos is not None
        and bool(values.get("tokenizer.ggml.add_bos_token", kind == "llama" or pre in LLAMA_3)),
    )
    template = values.get("tokenizer.chat_template")
    return SourceTokenizer(tokenizer.to_str(), special, template if isinstance(template, str) else None)


def _byte_level(vocabulary: dict[str, int], merges: list[str], pre: Any, where: str) -> Tokenizer:
    tokenizer = Tokenizer(_bpe(vocabulary, merges, ignore_merges=pre in LLAMA_3, where=where))
    _set_splitting(tokenizer, pre, where)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _scores(metadata: Settings, count: int) -> list[float]:
    scores = metadata.values.get("tokenizer.ggml.scores")
    if not isinstance(scores, list) or len(scores) != count or not all(map(_finite, scores)):
        raise ConvertError(f"{metadata.where} has not one score for each of its {count} tokens")
    return scores


def _finite(score: object) -> bool:
    return isinstance(score, float | int) and math.isfinite(score)


def _bpe(vocabulary: dict[str, int], merges: list[str], *, ignore_merges: bool, where: str) -> BPE:
    pairs = []
    for merge in merges:
        left, _, right = merge.partition(" ")
        pairs.append((left, right))
    try:
        return BPE(vocabulary, pairs, ignore_merges=ignore_merges)
    except Exception as error:  # the library raises plain Exception
        raise ConvertError(f"{where} has merges that do not fit its tokens: {error}") from None


def _set_splitting(tokenizer: Tokenizer, pre: Any, where: str) -> None:
    """How text is cut before merging, by llama.cpp's name for it."""
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    match pre:
        case "gpt-2" | "default":
            tokenizer.pre_tokenizer = byte_level
        case "smollm" | "starcoder":
            digits = pre_tokenizers.Digits(individual_digits=True)
            tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
        case "llama-bpe" | "llama3" | "qwen2":
            if pre == "qwen2":
                tokenizer.normalizer = normalizers.NFC()
            pattern = Regex(MODERN_SPLIT % (r"\p{N}" if pre == "qwen2" else r"\p{N}{1,3}"))
            tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
                [
                    pre_tokenizers.Split(pattern, behavior="isolated"),
                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
                ]
            )
        case _:
            raise ConvertError(
                f"{where} splits text as {pre!r}; known are gpt-2, smollm, starcoder, llama-bpe, qwen2"
            )


def _strings(metadata: Settings, key: str) -> list[str]:
    value = metadata.values.get(key)
    if not isinstance(value, list) or not value or not isinstance(value[0], str):
        raise ConvertError(f"{metadata.where} lacks {key}; its tokenizer cannot be built")
    return value


def _role(metadata: Settings, role: str, tokens: list[str]) -> str | None:
    token_id = metadata.values.get(f"tokenizer.ggml.{role}_token_id")
    if token_id is None:
        return None
    if type(token_id) is not int or not 0 <= token_id < len(tokens):
        raise ConvertError(f"{metadata.where} says {role}_token_id={token_id!r}, which is no token")
    return tokens[token_id]
