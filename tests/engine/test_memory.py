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


def system(root: Path, groups: str = "0::/\n", **files: str) -> Path:
    """A root folder with 4 MB free; files are named by their path below the control groups' mount."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    4000 kB\n")
    (root / "proc/self/cgroup").write_text(groups)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def group_2(path: str, limit: str, used: int) -> dict[str, str]:
    stat = "anon 1\ninactive_file 500000\n"
    return {f"{path}memory.max": limit, f"{path}memory.current": str(used), f"{path}memory.stat": stat}


def test_a_container_has_no_more_than_its_limit_leaves(tmp_path: Path):
    assert free_of_system(system(tmp_path / "none")) == 4000 * 1024
    assert free_of_system(system(tmp_path / "max", **group_2("", "max\n", 3_000_000))) == 4000 * 1024
    assert free_of_system(system(tmp_path / "two", **group_2("", "3500000\n", 3_000_000))) == 1_000_000


def test_every_group_around_the_process_binds(tmp_path: Path):
    around = {**group_2("a/", "2600000", 2_500_000), **group_2("a/b/", "3000000", 500_000)}
    other = group_2("c/", "1", 0)
    assert free_of_system(system(tmp_path / "own", "0::/a/b\n", **around, **other)) == 600_000
    unseen = system(tmp_path / "unseen", "0::/../elsewhere\n", **group_2("", "3500000", 3_000_000), **around)
    assert free_of_system(unseen) == 1_000_000


def test_groups_of_the_first_version_bind_too(tmp_path: Path):
    def group_1(path: str, limit: int) -> dict[str, str]:
        files = {"limit_in_bytes": str(limit), "usage_in_bytes": "2000000"}
        stat = {f"memory/{path}memory.stat": "inactive_file 7\ntotal_inactive_file 100000\n"}
        return stat | {f"memory/{path}memory.{name}": text for name, text in files.items()}

    groups = "4:memory:/a\n1:cpu:/\n0::/\n"
    limited = {**group_1("", 0x7FFFFFFFFFFFF000), **group_1("a/", 2_500_000)}
    assert free_of_system(system(tmp_path / "limited", groups, **limited)) == 600_000
    (tmp_path / "limited/proc/meminfo").unlink()
    assert free_of_system(tmp_path / "limited") == 600_000
    unlimited = system(tmp_path / "unlimited", groups, **group_1("", 0x7FFFFFFFFFFFF000))
    (unlimited / "proc/meminfo").unlink()
    assert free_of_system(unlimited) is None


def test_memory_that_cannot_be_asked_for_is_unknown(tmp_path: Path):
    assert free_of_system(tmp_path) is None
    assert free_bytes("cuda:99") is None
