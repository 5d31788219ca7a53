"""Sources whose tensors are not the model's."""

import struct
from collections.abc import Callable
from dataclasses import replace

from .mutation import Mutation, Owed, Random
from .raw import Raw
from .source import ADAPTER, ALL_FORMATS, FOLDER_FORMATS, Source

FLOAT_FORMATS = tuple(name for name in ALL_FORMATS if name not in ("gguf q8_0", "gguf q4_k"))
ITEM_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
NOT_FINITE = {
    "NaN": {"F32": 0x7FC00000, "F16": 0x7E00, "BF16": 0x7FC0},
    "infinity": {"F32": 0x7F800000, "F16": 0x7C00, "BF16": 0x7F80},
}


def _missing(source: Source, random: Random) -> Source:
    # A Llama without an output projection is one that shares its embedding.
    return source.with_tensor(random.choice([n for n in source.tensors if n != "output.weight"]), None)


def _extra(source: Source, random: Random) -> Source:
    name = random.choice(sorted(source.tensors))
    return source.with_tensor(
        name.replace("weight", "lora_A").replace("bias", "lora_B") + "\n", source.tensors[name]
    )


def _buffer(source: Source, random: Random) -> Source:
    return source.with_tensor("transformer.h.0.attn.masked_bias", Raw("F32", (), struct.pack("<f", -1e9)))


def _layer_too_many(source: Source, random: Random) -> Source:
    more = {name.replace(".0.", ".2."): raw for name, raw in source.tensors.items() if ".0." in name}
    return replace(source, tensors={**source.tensors, **more})


def _not_finite(kind: str) -> Callable[[Source, Random], Source]:
    def change(source: Source, random: Random) -> Source:
        name = random.choice(sorted(source.tensors))
        raw = source.tensors[name]
        size = ITEM_BYTES[raw.dtype]
        at = random.randrange(len(raw.data) // size) * size
        value = NOT_FINITE[kind][raw.dtype].to_bytes(size, "little")
        return source.with_tensor(name, replace(raw, data=raw.data[:at] + value + raw.data[at + size :]))

    return change


def _turned(source: Source, random: Random) -> Source:
    """Rows and columns change places, in the shape only."""
    name = random.choice([n for n, raw in source.tensors.items() if len(set(raw.shape)) == 2])
    return source.with_tensor(name, replace(source.tensors[name], shape=source.tensors[name].shape[::-1]))


def _short(source: Source, random: Random) -> Source:
    """The last row is gone."""
    name = random.choice(sorted(source.tensors))
    raw = source.tensors[name]
    row = len(raw.data) // raw.shape[0]
    return source.with_tensor(name, Raw(raw.dtype, (raw.shape[0] - 1, *raw.shape[1:]), raw.data[:-row]))


def _empty(source: Source, random: Random) -> Source:
    name = random.choice(sorted(source.tensors))
    return source.with_tensor(name, Raw(source.tensors[name].dtype, (0,), b""))


def _integers(source: Source, random: Random) -> Source:
    name = random.choice(sorted(n for n, raw in source.tensors.items() if raw.dtype == "F32"))
    return source.with_tensor(name, replace(source.tensors[name], dtype="I32"))


def _reordered(source: Source, random: Random) -> Source:
    names = sorted(source.tensors)
    random.shuffle(names)
    return replace(source, tensors={name: source.tensors[name] for name in names})


def _duplicate_token(source: Source, random: Random) -> Source:
    first, second = random.sample(range(len(source.tokens) - 2), 2)
    tokens = list(source.tokens)
    tokens[first] = tokens[second]
    return replace(source, tokens=tuple(tokens))


def _more_tokens(source: Source, random: Random) -> Source:
    more = tuple(f"token-{number}" for number in range(random.randrange(4, 50)))
    return replace(source, tokens=(*source.tokens[:-1], *more, source.tokens[-1]))


TENSOR_MUTATIONS = (
    Mutation("a tensor is missing", Owed.REFUSED, _missing, formats=ALL_FORMATS),
    Mutation("a tensor is unknown, its name of two lines", Owed.REFUSED, _extra, formats=ALL_FORMATS),
    Mutation("a known buffer comes along", Owed.SAME, _buffer, formats=("safetensors", "bin")),
    Mutation("a layer too many", Owed.REFUSED, _layer_too_many),
    Mutation("NaN in a tensor", Owed.REFUSED, _not_finite("NaN"), formats=FLOAT_FORMATS),
    Mutation("infinity in a tensor", Owed.REFUSED, _not_finite("infinity"), formats=FLOAT_FORMATS),
    Mutation("rows and columns changed", Owed.REFUSED, _turned, formats=(*FOLDER_FORMATS, ADAPTER)),
    Mutation("a row is missing", Owed.REFUSED, _short, formats=ALL_FORMATS),
    Mutation("a tensor is empty", Owed.REFUSED, _empty, formats=(*FOLDER_FORMATS, ADAPTER)),
    Mutation("a tensor holds integers", Owed.REFUSED, _integers, formats=("safetensors", "bin")),
    Mutation("tensors in another order", Owed.SAME, _reordered, formats=ALL_FORMATS),
    Mutation("a token twice", Owed.REFUSED, _duplicate_token),
    Mutation("more tokens than rows", Owed.REFUSED, _more_tokens),
)
