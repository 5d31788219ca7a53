"""The tokenizer of a Hugging Face folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from askwell_manifest import ENCODERS
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, processors
from tokenizers.models import BPE

from .errors import ConvertError
from .source_text import MAX_TOKENIZER_BYTES, read_source_text
from .tokenizer import SourceTokenizer, SpecialTokens, parse_tokenizer, refuse_duplicates
from .transformers_tokenizer import ROLES, transformers_tokenizer

DEFAULT_GPT2_TOKEN = "<|endoftext|>"
ENCODER_TOKENS = {"bos": "cls", "eos": "sep"}  # what an encoder calls the tokens around a text
GPT2_SPLITTING = ("gptj", "gpt2", None)  # model types whose vocab.json and merges.txt are GPT-2's kind
OTHER_FILES = (
    "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "tiktoken.model", "tekken.json",
    "vocab.json",
)  # fmt: skip


def read_folder_tokenizer(folder: Path, config: Mapping[str, Any]) -> SourceTokenizer:
    """``config`` is the folder's config.json. Raises ConvertError when no tokenizer can be read."""
    settings = {**_optional(folder, "special_tokens_map.json"), **_optional(folder, "tokenizer_config.json")}
    names = ENCODER_TOKENS if config.get("model_type") in ENCODERS else {}
    spelled = {role: _spelling(settings.get(f"{names.get(role, role)}_token")) for role in ROLES}
    if (folder / "tokenizer.json").is_file():
        json_text = _text(folder / "tokenizer.json")
    elif (folder / "merges.txt").is_file() and config.get("model_type") in GPT2_SPLITTING:
        special_tokens = {token for token in spelled.values() if token}
        prefix_space = settings.get("add_prefix_space") is True
        json_text = _tokenizer_from_bpe_files(folder, special_tokens, add_prefix_space=prefix_space)
    elif name := next((name for name in OTHER_FILES if (folder / name).is_file()), None):
        json_text, known = transformers_tokenizer(folder, name)
        spelled = {role: token or known.get(role) for role, token in spelled.items()}
    else:
        raise ConvertError(
            f"{folder} has no tokenizer: neither tokenizer.json, nor vocab.json with merges.txt, "
            f"nor {', nor '.join(OTHER_FILES[:-1])}"
        )
    tokenizer = parse_tokenizer(json_text, str(folder / "tokenizer.json"))
    refuse_duplicates(json_text, "tokenizer.json")
    tokenizer.no_padding()  # which may put a begin token before "a" that is no beginning

    def by_id(number: object) -> str | None:
        return tokenizer.id_to_token(number) if type(number) is int and 0 <= number < 1 << 32 else None

    def by_role(role: str) -> str | None:
        token = spelled[role] or by_id(config.get(f"{role}_token_id"))
        return token if token is not None and tokenizer.token_to_id(token) is not None else None

    ends = [token for number in _end_ids(folder, config) if (token := by_id(number))]
    default = DEFAULT_GPT2_TOKEN if tokenizer.token_to_id(DEFAULT_GPT2_TOKEN) is not None else None
    eos = by_role("eos") or (ends[0] if ends else default)
    if eos is None:
        raise ConvertError(
            f"{folder} does not say which token ends a text; set eos_token in tokenizer_config.json"
        )
    bos = by_role("bos")
    special = SpecialTokens(
        bos=bos,
        eos=eos,
        unk=by_role("unk") or default,
        ends=tuple(dict.fromkeys([eos, *ends])),
        add_bos=bos is not None and tokenizer.encode("a").tokens[:1] == [bos],
    )
    return SourceTokenizer(json_text, special, _chat_template(folder, settings))


def _tokenizer_from_bpe_files(folder: Path, special: set[str], *, add_prefix_space: bool) -> str:
    """GPT-2's tokenizer out of vocab.json and merges.txt, as transformers would build it."""
    vocab, merges = folder / "vocab.json", folder / "merges.txt"
    if not vocab.is_file():
        raise ConvertError(f"{folder} has merges.txt without its vocab.json; fetch it")
    refuse_duplicates(_text(vocab), vocab.name)
    try:
        tokenizer = Tokenizer(BPE.from_file(str(vocab), str(merges)))
    except Exception as error:  # the library raises plain Exception
        raise ConvertError(f"cannot read {vocab.name} and {merges.name} in {folder}: {error}") from None
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    added = _optional(folder, "added_tokens.json")
    if wrong := [token for token, token_id in added.items() if type(token_id) is not int]:
        raise ConvertError(
            f"added_tokens.json gives {wrong[0]!r} the id {added[wrong[0]]!r}, which is no number"
        )
    special = special or {DEFAULT_GPT2_TOKEN}
    in_order = dict.fromkeys([*sorted(added, key=added.__getitem__), *sorted(special)])
    tokenizer.add_tokens([AddedToken(t, special=t in special, normalized=t not in special) for t in in_order])
    for token, token_id in added.items():
        if tokenizer.token_to_id(token) != token_id:
            raise ConvertError(
                f"added_tokens.json gives {token!r} the id {token_id}, which does not follow vocab.json"
            )
    return tokenizer.to_str()


def _end_ids(folder: Path, config: Mapping[str, Any]) -> list[object]:
    found: list[object] = []
    for settings in (_optional(folder, "generation_config.json"), config):
        ids = settings.get("eos_token_id")
        found += ids if isinstance(ids, list) else [ids]
    return found


def _chat_template(folder: Path, settings: Mapping[str, Any]) -> str | None:
    if (path := folder / "chat_template.jinja").is_file():
        return _text(path)
    match settings.get("chat_template"):
        case str(template):
            return template
        case [*named]:
            return next(
                (
                    text
                    for entry in named
                    if isinstance(entry, dict) and entry.get("name") == "default"
                    if isinstance(text := entry.get("template"), str)
                ),
                None,
            )
        case _:
            return None


def _spelling(token: object) -> str | None:
    """A token is given as a string or as an object with its content."""
    match token:
        case str(content) | {"content": str(content)}:
            return content
        case _:
            return None


def _text(path: Path) -> str:
    try:
        return read_source_text(path, MAX_TOKENIZER_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise ConvertError(f"cannot read {path}: {error}") from None


def _optional(folder: Path, name: str) -> dict[str, Any]:
    if not (folder / name).exists():
        return {}
    try:
        data = json.loads(read_source_text(folder / name))
        json.dumps(data, ensure_ascii=False).encode()  # an escape may spell half a character: no text
    except (ValueError, RecursionError) as error:
        raise ConvertError(f"cannot read {folder / name}: {error}") from None
    if not isinstance(data, dict):
        raise ConvertError(f"{folder / name} holds no JSON object")
    return data
