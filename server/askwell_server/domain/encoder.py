"""The sentence encoder of a domain worker: all-MiniLM-L6-v2, or another BERT that mean pooling suits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import tokenizers
from askwell_interview import FloatRows
from askwell_manifest import SAFE_WEIGHT_RANGE, int8_saturates

from .encoder_folder import EncoderRefused, encoder_manifest

MAX_TOKENS = 256  # what all-MiniLM-L6-v2 was made for; of a longer text the beginning counts


class MiniLm:
    """One text at a time on one thread: the engine needs the cores, and company changes no text's row.

    A batch of questions would take a fifth less time, and in int8 move each row by up to 0.001 of a cosine.
    """

    def __init__(self, folder: Path) -> None:
        """Load an encoder's folder. Raises EncoderRefused, one line, for one that cannot be used."""
        manifest = encoder_manifest(folder)
        quantized = manifest.quantization.startswith("int8")
        if manifest.weight_range > SAFE_WEIGHT_RANGE and int8_saturates():
            raise EncoderRefused(
                f"{folder} uses the full range of int8, which this CPU's sums saturate at; "
                "convert the encoder with --target any"
            )
        try:
            tokenizer: Any = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._encoder = ctranslate2.Encoder(
                str(folder), compute_type="int8_float32" if quantized else "float32", intra_threads=1
            )
        except Exception as error:  # tokenizers raises bare Exception
            raise EncoderRefused(f"cannot load {folder}: {' '.join(str(error).split())}") from None
        if max(tokenizer.get_vocab(with_added_tokens=True).values()) >= manifest.vocabulary_size:
            raise EncoderRefused(f"{folder} has tokens that its model lacks; convert the encoder again")
        tokenizer.no_padding()
        tokenizer.enable_truncation(min(MAX_TOKENS, manifest.positions))
        tokenizer.encode_special_tokens = True  # a text that spells [SEP] means the word
        self._tokenizer = tokenizer
        self._width = len(self._row(""))  # and its first call, which is slow, is over

    def encode(self, texts: Sequence[str]) -> FloatRows:
        """A row of length 1 for each text, in their order: [len(texts), width]."""
        rows = np.empty((len(texts), self._width), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = self._row(text)
        return rows

    def _row(self, text: str) -> FloatRows:
        """The sum of the text's states, scaled to length 1, as their mean would be."""
        ids = self._tokenizer.encode(text).ids
        states = np.asarray(self._encoder.forward_batch([ids]).last_hidden_state)[0]
        total: FloatRows = states.sum(axis=0)
        return total / np.linalg.norm(total)
