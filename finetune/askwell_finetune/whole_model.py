"""A model all of whose weights are trained, and the Hugging Face folder that it leaves."""

import shutil
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from .base_model import Base
from .config import Config
from .data_set import EncodedSplit
from .folder import whole_folder
from .tokens import Encoded, ExampleEncoder

KEPT = ("config.json", "tokenizer.json", "tokenizer_config.json")


class Whole(torch.nn.Module):  # type: ignore[misc]  # torch is not there when types are checked
    """``model`` as the training loop wants it: with its base in it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def get_base_model(self) -> Any:
        return self.model


class WholeLearner:
    """``base``: the folder that the run begins with. ``texts`` are learnt from word by word, in pieces of
    ``piece`` tokens."""

    folder = "model"

    def __init__(self, base: Path, texts: Sequence[str], piece: int) -> None:
        self._base, self._texts, self._piece = base, texts, piece

    def wrap(self, model: Any, base: Base, config: Config) -> Any:
        return Whole(model.requires_grad_(True))

    def save(self, folder: Path, wrapped: Any, weights: Mapping[str, Any]) -> None:
        from safetensors.torch import save

        with whole_folder(folder) as part:
            tensors = {name.removeprefix("model."): each.contiguous() for name, each in weights.items()}
            (part / "model.safetensors").write_bytes(save(tensors, {"format": "pt"}))
            for name in KEPT:
                shutil.copy(self._base / name, part)

    def more(self, encoder: ExampleEncoder) -> Sequence[EncodedSplit]:
        """Each piece follows the end token, as a text that begins does."""
        end = encoder.tokenizer.end_ids[:1]
        pieces = []
        for text in self._texts:
            ids = encoder.tokenizer.encode(text, specials=False)
            pieces += [Encoded(end, ids[at : at + self._piece]) for at in range(0, len(ids), self._piece)]
        digest = sha256("\0".join(self._texts).encode()).hexdigest()
        return (EncodedSplit("texts", pieces, 0, digest),)
