"""Headers that lie about what follows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .file_damage import weights_file
from .mutation import Mutation, Owed, Random
from .raw import PICKLE_END, PICKLE_START, write_torch_pickle
from .source import ADAPTER, GGUF_FORMATS

SAFETENSORS = ("safetensors", "safetensors shards", ADAPTER)
BINS = ("bin", "bin shards")
HUGE = (1 << 31, (1 << 32) - 1, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)
SPARSE_BYTES = 6_000_000_000


def _header(change: Callable[[dict[str, Any], Random], object]) -> Callable[[Path, Random], str]:
    """Rewrites a safetensors header, its data as they are."""

    def damage(root: Path, random: Random) -> str:
        path = weights_file(root, random)
        data = path.read_bytes()
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])
        told = change(header, random)
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size :])
        return str(told)

    return damage


def _entry(header: dict[str, Any], random: Random) -> dict[str, Any]:
    entry: dict[str, Any] = header[random.choice(sorted(header))]
    return entry


def _overlap(header: dict[str, Any], random: Random) -> None:
    first = min(header.values(), key=lambda entry: int(entry["data_offsets"][0]))
    entry = random.choice([each for each in header.values() if each is not first])
    shift = random.choice((2, 4, 64))
    entry["data_offsets"] = [offset - shift for offset in entry["data_offsets"]]


def _swap(header: dict[str, Any], random: Random) -> str:
    """A valid file: two tensors of the same shape have changed their names."""
    shapes = [tuple(entry["shape"]) for entry in header.values()]
    shape = random.choice([shape for shape in shapes if shapes.count(shape) > 1])
    first, second = random.sample([name for name, e in header.items() if tuple(e["shape"]) == shape], 2)
    header[first], header[second] = header[second], header[first]
    return f"{first} and {second}"


def _shape(header: dict[str, Any], random: Random) -> None:
    entry = _entry(header, random)
    entry["shape"] = random.choice(
        ([-1, -1], [1 << 62] * 4, [10**4000] * 100, [0.5], ["3"], None, [1] * 100_000)
    )


def _offsets(header: dict[str, Any], random: Random) -> None:
    lies: tuple[Any, ...] = ([0, 1 << 63], [-4, 0], [8, 4], [], None, [0.0, 4.0], [True, 5], [0, 10**400])
    _entry(header, random)["data_offsets"] = random.choice(lies)


def _metadata(header: dict[str, Any], random: Random) -> None:
    header["__metadata__"] = {"format": "pt", "note": "\x1b[2J"}


def _header_length(root: Path, random: Random) -> None:
    path = weights_file(root, random)
    size = random.choice((0, 1, 7, *HUGE, path.stat().st_size - 8))
    with path.open("r+b") as file:
        file.write(size.to_bytes(8, "little"))


def _long_header(root: Path, random: Random) -> None:
    """In a file of six gigabytes that take no disk, a header of almost all of it."""
    path = weights_file(root, random)
    with path.open("r+b") as file:
        file.write((SPARSE_BYTES - 1000).to_bytes(8, "little"))
        file.truncate(SPARSE_BYTES)


def _pickle(spell: Callable[[Random], bytes]) -> Callable[[Path, Random], None]:
    def damage(root: Path, random: Random) -> None:
        write_torch_pickle(weights_file(root, random), spell(random), [])

    return damage


def _call(random: Random) -> bytes:
    name = random.choice((b"os\nsystem", b"builtins\neval", b"torch\nload", b"collections\ndeque"))
    return b"\x80\x02c" + name + b"\n(X\x04\0\0\0exittR."


def _deep_key(random: Random) -> bytes:
    """The hash of a tuple nested so deep takes more stack than there is."""
    return b"\x80\x02})" + b"\x85" * 2_000_000 + b"Ns."


def _many_lists(random: Random) -> bytes:
    return b"\x80\x02}(" + b"]" * 60_000_000 + b"u."


def _sizes(random: Random) -> bytes:
    """A tensor whose shape is a long list of long numbers."""
    number = b"\x8a\xff" + b"\x7f" * 255
    storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQ"
    shape = b"(" + number + b"q\x01" + b"h\x01" * 200_000 + b"t"
    name = b"X\x16\0\0\0transformer.wte.weight"
    call = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + shape + b"q\x02h\x02"
    return PICKLE_START + name + call + b"\x89ccollections\nOrderedDict\n)RtR" + PICKLE_END


def _directory(root: Path, random: Random) -> None:
    """The zip's end record says that all of a file of six gigabytes is its directory."""
    path = weights_file(root, random)
    data = path.read_bytes()
    end = bytearray(data[data.rindex(b"PK\x05\x06") :])
    end[12:16] = (SPARSE_BYTES // 2).to_bytes(4, "little")
    with path.open("r+b") as file:
        file.truncate(SPARSE_BYTES // 2)
        file.seek(0, 2)
        file.write(end)


def _gguf_number(
    random_place: Callable[[bytearray, Random], tuple[int, int]],
) -> Callable[[Path, Random], str]:
    """Puts a number where none like it should be; GGUF's are 4 or 8 bytes."""

    def damage(root: Path, random: Random) -> str:
        data = bytearray(root.read_bytes())
        place, size = random_place(data, random)
        value = random.choice(HUGE) % (1 << 8 * size)
        data[place : place + size] = value.to_bytes(size, "little")
        root.write_bytes(data)
        return f"{value} at byte {place}"

    return damage


def _gguf_count(data: bytearray, random: Random) -> tuple[int, int]:
    return random.choice((8, 16)), 8


def _gguf_string(data: bytearray, random: Random) -> tuple[int, int]:
    keys = (b"llama.block_count", b"tokenizer.ggml.pre", b"tokenizer.ggml.tokens", b"token_embd.weight")
    return data.index(random.choice(keys)) - 8, 8


def _gguf_array(data: bytearray, random: Random) -> tuple[int, int]:
    key = random.choice((b"tokenizer.ggml.tokens", b"tokenizer.ggml.merges", b"tokenizer.ggml.token_type"))
    return data.rindex(key) + len(key) + 8, 8


def _gguf_tensor(data: bytearray, random: Random) -> tuple[int, int]:
    """In token_embd.weight's entry: dimensions, the two sizes, type, offset."""
    start = data.index(b"token_embd.weight") + len(b"token_embd.weight")
    return random.choice(((start, 4), (start + 4, 8), (start + 12, 8), (start + 20, 4), (start + 24, 8)))


def _gguf_overlap(root: Path, random: Random) -> None:
    data = bytearray(root.read_bytes())
    name = random.choice((b"attn_k.weight", b"attn_v.weight", b"ffn_up.weight"))
    place = data.index(name) + len(name) + 24
    data[place : place + 8] = (int.from_bytes(data[place : place + 8], "little") - 32).to_bytes(8, "little")
    root.write_bytes(data)


def _gguf_long(root: Path, random: Random) -> None:
    """An array of five billion bytes, in a file that has them."""
    data = bytearray(root.read_bytes())
    place = data.rindex(b"tokenizer.ggml.token_type") + len(b"tokenizer.ggml.token_type") + 4
    data[place : place + 12] = (0).to_bytes(4, "little") + (5_000_000_000).to_bytes(8, "little")
    root.write_bytes(data)
    with root.open("r+b") as file:
        file.truncate(SPARSE_BYTES)


HEADER_MUTATIONS = (
    Mutation("tensors overlap", Owed.REFUSED, damage=_header(_overlap), formats=SAFETENSORS),
    Mutation("two tensors change names", Owed.RIGHT, damage=_header(_swap), formats=("safetensors", ADAPTER)),
    Mutation("a shape that is none", Owed.REFUSED, damage=_header(_shape), formats=SAFETENSORS),
    Mutation("offsets that are none", Owed.REFUSED, damage=_header(_offsets), formats=SAFETENSORS),
    Mutation("metadata with escapes", Owed.SAME, damage=_header(_metadata), formats=SAFETENSORS),
    Mutation("a lying header length", Owed.REFUSED, damage=_header_length, formats=SAFETENSORS),
    Mutation("a header of 6 GB", Owed.REFUSED, damage=_long_header, formats=SAFETENSORS),
    Mutation("a pickle that calls", Owed.REFUSED, damage=_pickle(_call), formats=BINS),
    Mutation("a pickle's key nested 2,000,000 deep", Owed.REFUSED, damage=_pickle(_deep_key), formats=BINS),
    Mutation("a pickle of 60,000,000 lists", Owed.REFUSED, damage=_pickle(_many_lists), formats=BINS[:1]),
    Mutation("a pickle's shape of 200,000 long numbers", Owed.REFUSED, damage=_pickle(_sizes), formats=BINS),
    Mutation("a zip directory of 3 GB", Owed.REFUSED, damage=_directory, formats=BINS),
    Mutation("lying counts", Owed.REFUSED, damage=_gguf_number(_gguf_count), formats=GGUF_FORMATS),
    Mutation("a lying string length", Owed.REFUSED, damage=_gguf_number(_gguf_string), formats=GGUF_FORMATS),
    Mutation("a lying array length", Owed.REFUSED, damage=_gguf_number(_gguf_array), formats=GGUF_FORMATS),
    Mutation("a lying tensor entry", Owed.REFUSED, damage=_gguf_number(_gguf_tensor), formats=GGUF_FORMATS),
    Mutation("tensors overlap", Owed.REFUSED, damage=_gguf_overlap, formats=GGUF_FORMATS),
    Mutation("an array of 5 GB", Owed.REFUSED, damage=_gguf_long, formats=GGUF_FORMATS),
)
