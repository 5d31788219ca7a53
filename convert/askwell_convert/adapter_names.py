"""Which tensor of the source each pair of an adapter's matrices changes.

An adapter names modules as Hugging Face's model does: ``base_model.model.`` and then what is before
``.weight`` in a Hugging Face folder. A GGUF file has llama.cpp's names for the same modules.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .errors import ConvertError
from .llama import GGUF_NAMES
from .plan import Part, Plan

LORA_TENSOR = re.compile(r"base_model\.model\.(?P<module>[\w.]+)\.lora_(?P<side>[AB])\.weight")
# What else an adapter's file may hold, by a part of its name.
OTHER_KINDS = {
    "lora_embedding_": "an adapted embedding",
    "lora_magnitude_vector": "of DoRA",
    "trainable_tokens": "of trained tokens",
    "modules_to_save": "a whole module",
    "base_layer": "a weight of the base model",
    ".bias": "a bias",
}
HUGGING_FACE_NAMES = {gguf: name for name, gguf in GGUF_NAMES.items()}


@dataclass(frozen=True, slots=True)
class LoraPair:
    """The names of A, [rank, inputs], and B, [outputs, rank], of one module."""

    a: str
    b: str


def lora_pairs(names: Iterable[str]) -> dict[str, LoraPair]:
    """The pairs of an adapter's file by module. Raises ConvertError for a tensor that is of no pair."""
    sides: dict[str, dict[str, str]] = {}
    for name in names:
        match = LORA_TENSOR.fullmatch(name)
        if match is None:
            kind = next((kind for part, kind in OTHER_KINDS.items() if part in name), "not known here")
            raise ConvertError(
                f"the adapter holds tensor {name}, which is {kind}; only LoRA pairs of linear layers can be "
                "merged here"
            )
        sides.setdefault(match["module"], {})[match["side"]] = name
    for module, pair in sides.items():
        if len(pair) != 2:
            raise ConvertError(f"the adapter has only one of lora_A and lora_B for {module}")
    return {module: LoraPair(pair["A"], pair["B"]) for module, pair in sides.items()}


def adaptable_parts(plan: Plan) -> Mapping[str, Part]:
    """The source's matrices by the name of Hugging Face's module; of a fused matrix, any part of it."""
    return {
        hugging_face_module(part.tensor): part
        for parts in plan.weights.values()
        for part in parts
        if len(part.source_shape) == 2
    }


def hugging_face_module(tensor: str) -> str:
    """``blk.3.attn_q.weight`` becomes ``model.layers.3.self_attn.q_proj``; a folder's lose ``.weight``."""
    name = tensor.removesuffix(".weight")
    if match := re.fullmatch(r"blk\.(\d+)\.(\w+)", name):
        return f"model.layers.{match[1]}.{HUGGING_FACE_NAMES[match[2]]}"
    if re.match(r"h\.\d+\.", name):  # GPT-2's own release leaves out the name of its only part
        return "transformer." + name
    return HUGGING_FACE_NAMES.get(name, name)
