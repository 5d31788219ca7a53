"""Text to token ids and back, with the model folder's own tokenizer.json.

Who may write special tokens such as ``<|im_end|>``? The model's own chat template, and a client in the plain
text of its own prompt, as Hugging Face's tokenizers read it (``specials=True``). Not the contents of chat
messages, which go through ``defuse`` before they are rendered, and not documents, which are encoded with
``specials=False`` for base models: so no résumé can end its own turn.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import tokenizers
from askwell_manifest import Manifest

from .folder import ModelRefused, end_ids_of, read_vocabulary

_WORD_JOINER = "\u2060"


class Tokenizer:
    """The model's tokenizer. ``vocabulary_size`` counts the model's ids, which may exceed the tokenizer's."""

    def __init__(
        self, definition: str, vocabulary: list[str], end_ids: tuple[int, ...], bos_id: int | None
    ) -> None:
        self._parsing = tokenizers.Tokenizer.from_str(definition)
        self._plain = tokenizers.Tokenizer.from_str(definition)
        self._plain.encode_special_tokens = True
        for tokenizer in (self._parsing, self._plain):
            tokenizer.no_truncation()
            tokenizer.no_padding()
        self._vocabulary = vocabulary
        self._bos_id = bos_id
        self.end_ids = end_ids
        self.vocabulary_size = len(vocabulary)
        added = self._parsing.get_added_tokens_decoder().values()
        spellings = sorted(
            (re.escape(token.content) for token in added if token.special), key=len, reverse=True
        )
        self._special = re.compile("|".join(spellings)) if spellings else None

    @classmethod
    def from_folder(cls, folder: Path, manifest: Manifest) -> "Tokenizer":
        """Raises ModelRefused when tokenizer.json is broken or disagrees with the vocabulary."""
        vocabulary = read_vocabulary(folder, manifest)
        end_ids = end_ids_of(manifest, vocabulary)
        bos_id = None
        if manifest.add_bos:
            if manifest.bos_token not in vocabulary:
                raise ModelRefused(
                    "the manifest's bos_token is not in the vocabulary; convert the model again"
                )
            bos_id = vocabulary.index(manifest.bos_token)
        path = folder / "tokenizer.json"
        try:
            tokenizer = cls(path.read_text(encoding="utf-8"), vocabulary, end_ids, bos_id)
        except Exception as error:  # tokenizers raises bare Exception
            raise ModelRefused(f"cannot read {path}: {error}") from None
        for token, token_id in tokenizer._parsing.get_vocab(with_added_tokens=True).items():
            if token_id >= len(vocabulary) or vocabulary[token_id] != token:
                raise ModelRefused(f"{path} and vocabulary.json disagree on token {token_id}; convert again")
        return tokenizer

    def encode(self, text: str, *, specials: bool) -> tuple[int, ...]:
        """Token ids of ``text``, after the beginning-of-text token where the model wants one.

        ``specials`` says whether a special token spelled in the text is that token.
        """
        tokenizer = self._parsing if specials else self._plain
        ids = tuple(tokenizer.encode(text, add_special_tokens=False).ids)
        if self._bos_id is None or ids[:1] == (self._bos_id,):
            return ids
        return (self._bos_id, *ids)

    def defuse(self, text: str) -> str:
        """The text with an invisible character inside every special token spelled in it.

        It stands in the place of a special token of one character, which has no inside.
        """
        while self._special is not None and self._special.search(text):
            text = self._special.sub(_defused, text)
        return text

    def tokens(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Each token as the vocabulary spells it. Ids must be below ``vocabulary_size``."""
        return tuple(self._vocabulary[i] for i in ids)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids, special tokens left out; bytes that are not UTF-8 become U+FFFD."""
        return self._parsing.decode(list(ids), skip_special_tokens=True)


def _defused(match: re.Match[str]) -> str:
    head, rest = match[0][:1], match[0][1:]
    return head + _WORD_JOINER + rest if rest else _WORD_JOINER
