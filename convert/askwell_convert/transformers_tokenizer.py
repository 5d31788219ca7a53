"""Tokenizers in the formats of sentencepiece and tiktoken, made tokenizer.json by transformers."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from .errors import ConvertError

ROLES = ("bos", "eos", "unk")


def transformers_tokenizer(folder: Path, name: str) -> tuple[str, Mapping[str, str]]:
    """The content of tokenizer.json, and the tokens with a role where transformers knows them.

    ``name`` is the tokenizer's file, for messages. Raises ConvertError without transformers or when it fails.
    """
    try:
        transformers: Any = import_module("transformers")
    except ModuleNotFoundError:
        raise ConvertError(
            f"{folder / name} needs transformers to become tokenizer.json: pip install 'askwell[torch]'"
        ) from None
    transformers.logging.set_verbosity_error()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        json_text = tokenizer.backend_tokenizer.to_str()
    except Exception as error:  # of transformers, sentencepiece, tiktoken and tokenizers
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ConvertError(f"transformers cannot read {folder / name}: {reason}") from None
    spelled = {role: getattr(tokenizer, f"{role}_token") for role in ROLES}
    return json_text, {role: token for role, token in spelled.items() if isinstance(token, str)}
