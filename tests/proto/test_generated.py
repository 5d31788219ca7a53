"""The committed code is what the .proto files say, and v1 keeps its promises."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("proto_generate", ROOT / "proto" / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def committed(generator: ModuleType) -> FileDescriptorSet:
    return FileDescriptorSet.FromString(generator.SNAPSHOT.read_bytes())


def test_committed_code_is_what_the_proto_files_generate(generator: ModuleType, tmp_path: Path) -> None:
    generator.generate(tmp_path)
    made = sorted((tmp_path / generator.PACKAGE).iterdir())
    assert len(made) == 8
    for path in made:
        committed = ROOT / "proto" / generator.PACKAGE / path.name
        assert committed.read_text() == path.read_text(), f"{path.name} is stale: run make proto"


def test_v1_lost_nothing_since_the_committed_descriptor_set(
    generator: ModuleType, committed: FileDescriptorSet, tmp_path: Path
) -> None:
    now = generator.generate(tmp_path)
    assert generator.breaks(committed, now) == []
    assert generator.breaks(now, committed) == [], "the descriptor set is stale: run make proto"


def test_a_removed_renumbered_or_retyped_field_is_a_break(
    generator: ModuleType, committed: FileDescriptorSet
) -> None:
    for change in ("remove", "renumber", "retype"):
        altered = FileDescriptorSet()
        altered.CopyFrom(committed)
        message = altered.file[0].message_type[0]
        if change == "remove":
            del message.field[0]
        elif change == "renumber":
            message.field[0].number = 99
        else:
            message.field[0].type = 3
        assert len(generator.breaks(committed, altered)) == 1, change
