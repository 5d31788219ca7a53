"""The variables of a model.bin, without their values."""

import struct
from pathlib import Path
from typing import BinaryIO

from .errors import ConvertError

BINARY_VERSION = 6


def variable_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes by name, in the order of ctranslate2's ``ModelSpec._serialize``; aliases are left out.

    Raises ConvertError for a file that is cut off, or of another version of the format.
    """
    with path.open("rb") as file:
        try:
            return _shapes(file)
        except (struct.error, UnicodeDecodeError, ValueError) as error:
            raise ConvertError(f"{path} is no whole model.bin: {error}") from None


def _shapes(file: BinaryIO) -> dict[str, tuple[int, ...]]:
    def number(form: str) -> int:
        (value,) = struct.unpack(form, file.read(struct.calcsize(form)))
        return int(value)

    def text() -> str:
        return file.read(number("<H"))[:-1].decode()

    if (version := number("<I")) != BINARY_VERSION:
        raise ValueError(f"it is of version {version}, not {BINARY_VERSION}")
    text(), number("<I")  # the specification's name and revision
    shapes = {}
    for _ in range(number("<I")):
        name = text()
        shapes[name] = tuple(number("<I") for _ in range(number("<B")))
        number("<B")  # the type of its values
        file.seek(number("<I"), 1)
    return shapes
