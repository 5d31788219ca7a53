"""Reading ctranslate2's model.bin back, so that conversions can be compared variable by variable."""

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

TYPES = ("float32", "int8", "int16", "int32", "float16", "uint16")  # bfloat16 as its bits


def read_variables(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Every variable of the file by name; an alias appears as the array that it stands for."""
    with path.open("rb") as file:

        def number(code: str) -> int:
            return int(struct.unpack("<" + code, file.read(struct.calcsize("<" + code)))[0])

        def string() -> str:
            return file.read(number("H")).rstrip(b"\0").decode()

        number("I"), string(), number("I")  # version, name and revision of the specification
        variables: dict[str, npt.NDArray[np.generic]] = {}
        for _ in range(number("I")):
            name = string()
            shape = [number("I") for _ in range(number("B"))]
            dtype = TYPES[number("B")]
            variables[name] = np.frombuffer(file.read(number("I")), dtype).reshape(shape)
        for _ in range(number("I")):
            alias, name = string(), string()
            variables[alias] = variables[name]
            if f"{name}_scale" in variables:  # as ctranslate2's loader does
                variables[f"{alias}_scale"] = variables[f"{name}_scale"]
        return variables
