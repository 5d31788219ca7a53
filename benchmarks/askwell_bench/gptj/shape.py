"""The sizes of a GPT-J checkpoint, and what follows from them: its config, its tensors, its bytes."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from .stage import FULL_LAYERS

END_TOKEN = "<|endoftext|>"
REAL_VOCABULARY = 50_257
"""GPT-2's own tokens; the embedding's other 143 rows are padding that GPT-J names <|extratoken_N|>."""


@dataclass(frozen=True, slots=True)
class Shape:
    """GPT-J 6B, unless told otherwise. ``rotary``: how many of a head's dimensions turn."""

    layers: int = FULL_LAYERS
    width: int = 4096
    heads: int = 16
    rotary: int = 64
    vocabulary: int = 50_400
    positions: int = 2048

    @classmethod
    def of_checkpoint(cls, folder: Path) -> Self:
        """Raises ValueError when the folder holds no config of a GPT-J."""
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            return cls(
                config["n_layer"], config["n_embd"], config["n_head"], config["rotary_dim"],
                config["vocab_size"], config["n_positions"],
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError):
            raise ValueError(f"{folder} is no GPT-J checkpoint; run the stage checkpoint first") from None

    @property
    def end_id(self) -> int:
        return min(self.vocabulary, REAL_VOCABULARY) - 1

    @property
    def weights_bytes(self) -> int:
        """All tensors in float16."""
        return sum(2 * math.prod(shape) for _, shape in self.tensors())

    def config(self) -> dict[str, Any]:
        """config.json, with the keys that transformers writes for GPT-J."""
        return {
            "architectures": ["GPTJForCausalLM"],
            "model_type": "gptj",
            "activation_function": "gelu_new",
            "bos_token_id": self.end_id,
            "eos_token_id": self.end_id,
            "layer_norm_epsilon": 1e-5,
            "n_embd": self.width,
            "n_head": self.heads,
            "n_inner": None,
            "n_layer": self.layers,
            "n_positions": self.positions,
            "rotary_dim": self.rotary,
            "tie_word_embeddings": False,
            "torch_dtype": "float16",
            "vocab_size": self.vocabulary,
        }

    def tensors(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Names and shapes, in the order of the file."""
        width, inner = self.width, 4 * self.width
        yield "transformer.wte.weight", (self.vocabulary, width)
        for layer in range(self.layers):
            at = f"transformer.h.{layer}."
            yield at + "ln_1.weight", (width,)
            yield at + "ln_1.bias", (width,)
            for projection in ("q", "k", "v", "out"):
                yield f"{at}attn.{projection}_proj.weight", (width, width)
            yield at + "mlp.fc_in.weight", (inner, width)
            yield at + "mlp.fc_in.bias", (inner,)
            yield at + "mlp.fc_out.weight", (width, inner)
            yield at + "mlp.fc_out.bias", (width,)
        yield "transformer.ln_f.weight", (width,)
        yield "transformer.ln_f.bias", (width,)
        yield "lm_head.weight", (self.vocabulary, width)
        yield "lm_head.bias", (self.vocabulary,)
