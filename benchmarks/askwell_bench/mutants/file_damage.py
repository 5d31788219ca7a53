"""Files that are cut, turned over byte by byte, missing, or no files at all."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .mutation import Mutation, Owed, Random
from .source import ADAPTER, ALL_FORMATS, FOLDER_FORMATS

SHARDS = tuple(name for name in FOLDER_FORMATS if name.endswith("shards"))
HEADER_BYTES = 3000
SPARSE_BYTES = 6_000_000_000


def weights_file(root: Path, random: Random) -> Path:
    """The source itself, or one of its files of weights."""
    if root.is_file():
        return root
    return random.choice(sorted(p for p in root.iterdir() if p.suffix in (".safetensors", ".bin")))


def _any_file(root: Path, random: Random) -> Path:
    return root if root.is_file() else random.choice(sorted(root.iterdir()))


def _bytes(change: Callable[[bytearray, Random], object]) -> Callable[[Path, Random], str]:
    def damage(root: Path, random: Random) -> str:
        path = random.choice((_any_file, weights_file))(root, random)
        data = bytearray(path.read_bytes())
        told = change(data, random)
        path.write_bytes(data)
        return f"{path.name}: {told}"

    return damage


def _place(data: bytearray, random: Random) -> int:
    """As often in the header, or a zip's directory at the end, as in what lies between."""
    size = len(data)
    near = random.choice(
        (random.randrange(min(HEADER_BYTES, size)), size - 1 - random.randrange(min(2000, size)))
    )
    return random.choice((near, near, random.randrange(size)))


def _flip(data: bytearray, random: Random) -> str:
    places = [_place(data, random) for _ in range(random.choice((1, 1, 2, 8)))]
    for place in places:
        data[place] ^= 1 << random.randrange(8)
    return f"bits flipped at {places}"


def _overwrite(data: bytearray, random: Random) -> str:
    place, count = _place(data, random), random.choice((1, 4, 8, 100))
    count = min(count, len(data) - place)
    data[place : place + count] = random.choice((b"\0" * count, b"\xff" * count, random.randbytes(count)))
    return f"{count} bytes overwritten at {place}"


def _cut(data: bytearray, random: Random) -> str:
    size = random.choice(
        (0, 7, random.randrange(len(data)), len(data) - 1, len(data) - random.randrange(1, 100))
    )
    del data[max(size, 0) :]
    return f"cut to {len(data)} bytes"


def _delete(data: bytearray, random: Random) -> str:
    place, count = _place(data, random), random.choice((1, 8, 1000))
    del data[place : place + count]
    return f"{count} bytes deleted at {place}"


def _insert(data: bytearray, random: Random) -> str:
    place, count = _place(data, random), random.choice((1, 8, 1000))
    data[place:place] = random.randbytes(count)
    return f"{count} bytes inserted at {place}"


def _append(data: bytearray, random: Random) -> str:
    more = random.randbytes(random.choice((1, 32, 10_000)))
    data.extend(more)
    return f"{len(more)} bytes appended"


def _link(to: Callable[[Path], str], *names: str) -> Callable[[Path, Random], str]:
    """One of the files (by default of the weights) becomes a link."""

    def damage(root: Path, random: Random) -> str:
        path = root / random.choice(names) if names else weights_file(root, random)
        target = to(path)
        path.unlink(missing_ok=True)
        path.symlink_to(target)
        return f"{path.name} -> {target}"

    return damage


def _moved_out(path: Path) -> str:
    """The file's own bytes, but outside of the source."""
    outside = path.parent.parent / "outside"
    outside.mkdir()
    path.rename(outside / path.name)
    return os.fspath(outside / path.name)


def _gone(root: Path, random: Random) -> str:
    config = "adapter_config.json" if root.name == ADAPTER else "config.json"
    path = random.choice((root / config, weights_file(root, random)))
    path.unlink()
    return path.name


def _pipe(root: Path, random: Random) -> str:
    """A pipe that nobody writes to: who opens it waits for ever."""
    path = random.choice(sorted(root.glob("*config.json")))
    path.unlink()
    os.mkfifo(path)
    return path.name


def _folder(root: Path, random: Random) -> str:
    path = root / random.choice(("config.json", "tokenizer.json", weights_file(root, random).name))
    path.unlink()
    path.mkdir()
    return path.name


def _endless(root: Path, random: Random) -> str:
    """Six gigabytes that take no disk."""
    path = random.choice(sorted(root.glob("*[gr].json")))  # config or tokenizer
    with path.open("r+b") as file:
        file.truncate(SPARSE_BYTES)
    return path.name


def _index(change: Callable[[dict[str, Any], Random], object]) -> Callable[[Path, Random], None]:
    def damage(root: Path, random: Random) -> None:
        path = next(root.glob("*.index.json"))
        index = json.loads(path.read_text(encoding="utf-8"))
        change(index["weight_map"], random)
        path.write_text(json.dumps(index), encoding="utf-8")

    return damage


def _stolen(weight_map: dict[str, Any], random: Random) -> None:
    name = random.choice(sorted(weight_map))
    weight_map[name] = random.choice(("../outside.bin", "/etc/passwd", "", ".", "..", "a\nb", 3, None))


def _misplaced(weight_map: dict[str, Any], random: Random) -> None:
    name = random.choice(sorted(weight_map))
    weight_map[name] = next(shard for shard in weight_map.values() if shard != weight_map[name])


def _unlisted(weight_map: dict[str, Any], random: Random) -> None:
    del weight_map[random.choice(sorted(weight_map))]


def _listed(weight_map: dict[str, Any], random: Random) -> None:
    weight_map["transformer.h.9.attn.q_proj.weight"] = next(iter(weight_map.values()))


FILE_MUTATIONS = (
    Mutation(
        "weights link out of the folder", Owed.REFUSED, damage=_link(_moved_out), formats=FOLDER_FORMATS
    ),
    Mutation(
        "settings link out of the folder",
        Owed.REFUSED,
        damage=_link(_moved_out, "config.json", "tokenizer.json"),
        formats=FOLDER_FORMATS,
    ),
    Mutation("a link to itself", Owed.REFUSED, damage=_link(lambda path: path.name), formats=FOLDER_FORMATS),
    Mutation(
        "a link to an endless device",
        Owed.REFUSED,
        damage=_link(lambda path: "/dev/zero", "config.json", "tokenizer.json"),
        formats=FOLDER_FORMATS[:2],
    ),
    Mutation("a file is missing", Owed.REFUSED, damage=_gone, formats=(*FOLDER_FORMATS, ADAPTER)),
    Mutation("a pipe for a file", Owed.REFUSED, damage=_pipe, formats=(*FOLDER_FORMATS[:2], ADAPTER)),
    Mutation("a folder for a file", Owed.REFUSED, damage=_folder, formats=FOLDER_FORMATS),
    Mutation("settings of 6 GB", Owed.REFUSED, damage=_endless, formats=(*FOLDER_FORMATS[:2], ADAPTER)),
    Mutation("a shard that is no file name", Owed.REFUSED, damage=_index(_stolen), formats=SHARDS),
    Mutation("a tensor in another shard", Owed.REFUSED, damage=_index(_misplaced), formats=SHARDS),
    Mutation("a tensor the index lacks", Owed.REFUSED, damage=_index(_unlisted), formats=SHARDS),
    Mutation("a tensor the shards lack", Owed.REFUSED, damage=_index(_listed), formats=SHARDS),
)
BYTE_MUTATIONS = (
    Mutation("bits flipped", Owed.RIGHT, damage=_bytes(_flip), formats=ALL_FORMATS),
    Mutation("bits flipped", Owed.RIGHT, damage=_bytes(_flip), formats=ALL_FORMATS),
    Mutation("bytes overwritten", Owed.RIGHT, damage=_bytes(_overwrite), formats=ALL_FORMATS),
    Mutation("cut off", Owed.RIGHT, damage=_bytes(_cut), formats=ALL_FORMATS),
    Mutation("bytes deleted", Owed.RIGHT, damage=_bytes(_delete), formats=ALL_FORMATS),
    Mutation("bytes inserted", Owed.RIGHT, damage=_bytes(_insert), formats=ALL_FORMATS),
    Mutation("bytes appended", Owed.RIGHT, damage=_bytes(_append), formats=ALL_FORMATS),
)
