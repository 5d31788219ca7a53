"""Regenerate the Python code and the descriptor set of askwell.v1: ``make proto``.

The descriptor set ``askwell/v1/v1.binpb`` is the API's memory. A change that removes, renumbers or
retypes something is refused before any file is written.
"""

import sys
import tempfile
from importlib import resources
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent
PACKAGE = Path("askwell/v1")
SNAPSHOT = ROOT / PACKAGE / "v1.binpb"


def generate(target: Path) -> FileDescriptorSet:
    """Write the generated modules below ``target`` and return the descriptor set of the .proto files."""
    bin_dir = Path(sys.executable).parent
    descriptors = target / "descriptors.binpb"
    arguments = [
        "protoc",
        f"-I{ROOT}",
        f"-I{resources.files('grpc_tools') / '_proto'}",
        f"--plugin=protoc-gen-mypy={bin_dir / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={bin_dir / 'protoc-gen-mypy_grpc'}",
        f"--python_out={target}",
        f"--grpc_python_out={target}",
        f"--mypy_out=quiet:{target}",
        f"--mypy_grpc_out=quiet:{target}",
        f"--descriptor_set_out={descriptors}",
        *(str(path) for path in sorted((ROOT / PACKAGE).glob("*.proto"))),
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("proto: protoc failed")
    return FileDescriptorSet.FromString(descriptors.read_bytes())


def facts(descriptors: FileDescriptorSet) -> dict[str, str]:
    """Every promise of the API by full name: numbers and types of fields, values, methods."""
    found: dict[str, str] = {}
    for file in descriptors.file:
        for enum in file.enum_type:
            _add_enum(found, file.package, enum)
        for message in file.message_type:
            _add_message(found, file.package, message)
        for service in file.service:
            for method in service.method:
                found[f"{file.package}.{service.name}/{method.name}"] = (
                    f"{method.input_type} stream={method.client_streaming} → "
                    f"{method.output_type} stream={method.server_streaming}"
                )
    return found


def _add_message(found: dict[str, str], scope: str, message: DescriptorProto) -> None:
    name = f"{scope}.{message.name}"
    for field in message.field:
        oneof = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else ""
        found[f"{name}.{field.name}"] = (
            f"number {field.number}, type {field.type} {field.type_name}, label {field.label}, "
            f"optional {field.proto3_optional}, oneof {oneof}"
        )
    for enum in message.enum_type:
        _add_enum(found, name, enum)
    for nested in message.nested_type:
        _add_message(found, name, nested)


def _add_enum(found: dict[str, str], scope: str, enum: EnumDescriptorProto) -> None:
    for value in enum.value:
        found[f"{scope}.{enum.name}.{value.name}"] = f"number {value.number}"


def breaks(old: FileDescriptorSet, new: FileDescriptorSet) -> list[str]:
    """What of ``old`` no longer holds in ``new``, a line each. Additions break nothing."""
    now = facts(new)
    return [
        f"{name}: was {was}, is {now.get(name, 'gone')}"
        for name, was in facts(old).items()
        if now.get(name) != was
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder)
        new = generate(target)
        if SNAPSHOT.exists() and (broken := breaks(FileDescriptorSet.FromString(SNAPSHOT.read_bytes()), new)):
            raise SystemExit("proto: v1 would break:\n  " + "\n  ".join(broken))
        for path in (target / PACKAGE).iterdir():
            (ROOT / PACKAGE / path.name).write_bytes(path.read_bytes())
        SNAPSHOT.write_bytes(new.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
