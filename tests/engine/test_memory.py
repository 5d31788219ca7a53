"""What a cache takes and what is there for it."""

import struct
from pathlib import Path

from askwell_server.engine.memory import cached_token_bytes, free_bytes, free_of_system


def test_a_cached_token_is_a_key_and_a_value_per_layer_in_the_float_type(tiny_folder: Path):
    assert cached_token_bytes(tiny_folder, "int8_float32") == 2 * 2 * 32 * 4  # two layers, 32 wide
    assert cached_token_bytes(tiny_folder, "int8_float16") == 2 * 2 * 32 * 2
    assert cached_token_bytes(tiny_folder, "bfloat16") == 2 * 2 * 32 * 2


def test_width_is_that_of_all_query_heads_where_it_is_not_the_models_own(tmp_path: Path):
    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    def variable(name: str, *shape: int) -> bytes:
        dims = struct.pack(f"<B{len(shape)}I", len(shape), *shape)
        return text(name) + dims + struct.pack("<BI", 1, 5) + b"bytes"

    names = [variable(f"decoder/layer_{i}/self_attention/linear_1/weight", 64, 48) for i in range(3)]
    variables = [variable("decoder/embeddings/weight", 320, 64), *names, variable("decoder/scale")]
    head = struct.pack("<I", 6) + text("TransformerDecoderSpec") + struct.pack("<II", 8, len(variables))
    (tmp_path / "model.bin").write_bytes(head + b"".join(variables))
    assert cached_token_bytes(tmp_path, "float32") == 3 * 2 * 48 * 4


def test_a_file_of_another_format_is_unknown_not_an_error(tmp_path: Path):
    assert cached_token_bytes(tmp_path, "float32") == 0
    (tmp_path / "model.bin").write_bytes(b"\x06\0\0\0\xff")
    assert cached_token_bytes(tmp_path, "float32") == 0


def test_a_container_has_no_more_than_its_limit_leaves(tmp_path: Path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9000 kB\nMemAvailable:    4000 kB\n")
    assert free_of_system(meminfo, tmp_path) == 4000 * 1024
    (tmp_path / "memory.current").write_text("3000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 500000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert free_of_system(meminfo, tmp_path) == 4000 * 1024
    (tmp_path / "memory.max").write_text("3500000\n")
    assert free_of_system(meminfo, tmp_path) == 1_000_000


def test_memory_that_cannot_be_asked_for_is_unknown(tmp_path: Path):
    assert free_of_system(tmp_path / "none", tmp_path) is None
    assert free_bytes("cuda:99") is None
