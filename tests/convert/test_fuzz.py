"""The readers under anything: they describe tensors that lie inside the file, or raise ConvertError."""

import json
import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from askwell_bench.mutants.raw import write_torch_pickle
from askwell_bench.mutants.source import tiny_source, write_source
from askwell_convert.errors import ConvertError
from askwell_convert.gguf_header import read_gguf_header
from askwell_convert.safetensors_header import ITEM_BYTES, read_safetensors
from askwell_convert.stored import READABLE
from askwell_convert.torch_pickle import Refused, read_state
from askwell_convert.torch_zip import read_torch_zip
from checkpoints import write_torch_zip
from hypothesis import given, settings
from hypothesis import strategies as st

FUZZ = settings(max_examples=150, deadline=None, derandomize=True)
NUMBERS = st.one_of(
    st.integers(-2, 300), st.sampled_from([1 << 31, 1 << 40, 1 << 63, (1 << 64) - 1, 10**400])
)
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.one_of(st.binary(max_size=9), st.sampled_from([b"\xff" * 8, b"\0" * 8]))),
    min_size=1,
    max_size=4,
)
MEMORY_BYTES = 20_000_000  # the files take a hundredth of it


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def whole(folder):
    """A good file of each format, as bytes."""
    sources = {}
    for format_, name in (("safetensors", "safetensors"), ("bin", "bin"), ("gguf", "gguf q8_0")):
        (folder / format_).mkdir()
        source = write_source(tiny_source(name), folder / format_)
        path = source if source.is_file() else next(source.glob(f"*.{format_}"))
        sources[format_] = path.read_bytes()
    return sources


def read_stored(read, path: Path) -> None:
    for tensor in read(path).values():
        if tensor.dtype in READABLE:
            item_bytes = 4 if tensor.dtype == "float32" else 2
            assert tensor.offset + math.prod(tensor.shape) * item_bytes <= path.stat().st_size


def read_gguf(path: Path) -> None:
    for tensor in read_gguf_header(path).tensors.values():
        assert tensor.offset + tensor.row_bytes * math.prod(tensor.shape[:-1]) <= path.stat().st_size


READERS = {
    "safetensors": lambda path: read_stored(read_safetensors, path),
    "bin": lambda path: read_stored(read_torch_zip, path),
    "gguf": read_gguf,
}


def read_or_refuse(format_: str, folder: Path, data: bytes) -> None:
    path = folder / f"fuzzed.{format_}"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        READERS[format_](path)
    except ConvertError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MEMORY_BYTES


@pytest.mark.parametrize("format_", READERS)
def test_file_with_bytes_changed_is_read_inside_its_bounds_or_refused(folder, whole, format_):
    data = whole[format_]
    headers = {"safetensors": 3000, "bin": 4000, "gguf": 4000}

    @FUZZ
    @given(edits=EDITS, kept=st.one_of(st.none(), st.floats(0, 1)), at_end=st.booleans())
    def fuzz(edits, kept, at_end):
        changed = bytearray(data)
        for where, piece in edits:
            place = int(where * headers[format_])
            place = len(changed) - place if at_end else place
            changed[place : place + len(piece)] = piece
        if kept is not None:
            del changed[int(kept * len(changed)) :]
        read_or_refuse(format_, folder, bytes(changed))

    fuzz()


ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from([*ITEM_BYTES, "F4", 3, None]),
        "shape": st.one_of(st.lists(NUMBERS, max_size=10), st.none(), st.floats(allow_nan=True)),
        "data_offsets": st.one_of(st.lists(NUMBERS, max_size=3), st.booleans(), st.text(max_size=3)),
    },
)
HEADERS = st.dictionaries(
    st.one_of(st.text(max_size=5), st.just("__metadata__")), st.one_of(ENTRIES, NUMBERS)
)


@FUZZ
@given(header=HEADERS, length=st.one_of(st.none(), NUMBERS.filter(lambda n: 0 <= n < 1 << 64)))
def test_safetensors_header_of_any_entries_is_read_inside_its_bounds_or_refused(folder, header, length):
    text = json.dumps(header).encode()
    size = len(text) if length is None else length
    read_or_refuse("safetensors", folder, size.to_bytes(8, "little") + text + bytes(300))


# A pickle is drawn as a sequence of what torch writes, in any order and with any numbers.
STORAGE = b"X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQ"
GLOBALS = (
    b"collections OrderedDict",
    b"torch._utils _rebuild_tensor_v2",
    b"torch FloatStorage",
    b"os system",
)
PIECES = st.one_of(
    st.sampled_from(b"}])(t\x85\x86\x87suaebRQN\x88\x89.\x8f\x93").map(lambda byte: bytes([byte])),
    st.sampled_from(GLOBALS).map(lambda name: b"c" + name.replace(b" ", b"\n") + b"\n"),
    st.sampled_from([b"X\x01\0\0\0a", b"K\x01", b"J\xff\xff\xff\xff", b"\x8a\x09" + b"\x7f" * 9]),
    st.sampled_from(
        [b"q\x00", b"h\x00", b"r\xff\xff\xff\x7f", b"\x85" * 100_000, b"((" + STORAGE + b"K\x00"]
    ),
    st.binary(max_size=3),
)


@FUZZ
@given(pieces=st.lists(PIECES, max_size=25))
def test_pickle_of_any_opcodes_is_a_state_dictionary_or_refused(pieces):
    try:
        state = read_state(b"\x80\x02" + b"".join(pieces) + b".")
    except Refused as error:
        assert "\n" not in str(error)
    else:
        assert all(isinstance(name, str) for name in state)


def test_pickle_with_a_key_nested_300_000_deep_is_refused_alive():
    """Python's own unpickler overflows the stack when it hashes that key."""
    with pytest.raises(Refused, match="a key of type tuple"):
        read_state(b"\x80\x02})" + b"\x85" * 300_000 + b"Ns.")


SPARSE_BYTES = 8_000_000_000


def test_lying_lengths_in_files_of_8_gb_are_refused_before_they_are_read(folder, whole):
    """The files take no disk. A reader that believed a length would read gigabytes into memory."""
    end = whole["bin"][whole["bin"].rindex(b"PK\x05\x06") :]
    tokens = whole["gguf"].index(b"tokenizer.ggml.tokens") + len(b"tokenizer.ggml.tokens")
    lies = {
        "safetensors": ((0, (SPARSE_BYTES - 8).to_bytes(8, "little")),),
        "bin": ((SPARSE_BYTES // 2, end[:12] + (1 << 31).to_bytes(4, "little") + end[16:]),),
        "gguf": ((tokens + 4, bytes(4) + (SPARSE_BYTES // 2).to_bytes(8, "little")),),
    }
    for format_, pieces in lies.items():
        path = folder / f"long.{format_}"
        path.write_bytes(whole[format_])
        with path.open("r+b") as file:
            if format_ != "bin":
                file.truncate(SPARSE_BYTES)
            for place, piece in pieces:
                file.seek(place)
                file.write(piece)
        tracemalloc.start()
        with pytest.raises(ConvertError):
            READERS[format_](path)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_BYTES
        tracemalloc.stop()
        path.unlink()


def test_storages_that_overlap_are_refused(folder):
    names = ("a", "b")
    write_torch_zip(folder / "two.bin", {name: np.ones(1000, np.float32) for name in names})
    data = (folder / "two.bin").read_bytes()
    first, second = (data.index(b"archive/data/%d" % number) - 30 for number in range(2))
    moved = bytearray(data)
    # The second entry's local header, copied into the first one's data.
    moved[first + 100 : first + 144] = data[second : second + 44]
    directory = data.rindex(b"archive/data/1") - 4
    moved[directory : directory + 4] = (first + 100).to_bytes(4, "little")
    (folder / "two.bin").write_bytes(moved)
    with pytest.raises(ConvertError, match="its storages 0 and 1 overlap"):
        read_torch_zip(folder / "two.bin")


def test_state_of_one_tensor_is_read(folder):
    write_torch_pickle(folder / "none.bin", b"\x80\x02}.", [])
    assert read_torch_zip(folder / "none.bin") == {}
    write_torch_zip(folder / "one.bin", {"a": np.ones((2, 3), np.float32)})
    assert read_torch_zip(folder / "one.bin")["a"].shape == (2, 3)
