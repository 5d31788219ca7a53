"""The pickle inside a file of ``torch.save``, read opcode by opcode as a state dictionary and nothing else.

Python's unpickler is not asked: even with its globals restricted, a pickle of a few kilobytes can make it
overflow the C stack (the hash of a key nested a million deep). What torch writes for a state dictionary needs
some thirty opcodes and a handful of names; this machine knows those, and builds descriptions of tensors.
"""

import pickletools
from typing import Any, NamedTuple

MAX_PICKLE_BYTES = 4_000_000  # a state dictionary of a thousand tensors takes 0.2 MB
MAX_DIMENSIONS = 8
MAX_SIZE = 1 << 48
STORAGES = {
    "FloatStorage": ("float32", 4),
    "HalfStorage": ("float16", 2),
    "BFloat16Storage": ("bfloat16", 2),
    "DoubleStorage": ("float64", 8),
    "LongStorage": ("int64", 8),
    "IntStorage": ("int32", 4),
    "ShortStorage": ("int16", 2),
    "CharStorage": ("int8", 1),
    "ByteStorage": ("uint8", 1),
    "BoolStorage": ("bool", 1),
}
GLOBALS = frozenset({
    "collections OrderedDict", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter",
    *(f"torch {name}" for name in STORAGES),
})  # fmt: skip
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
LITERALS = frozenset({"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"})
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class Refused(Exception):
    """The message goes on from "the pickle": ``asks for os.system``."""


class Global(NamedTuple):
    """A name that the pickle refers to, as pickletools spells it: module, a space, name."""

    name: str


class TorchStorage(NamedTuple):
    """The zip entry ``data/key``, and what its bytes are."""

    key: str
    dtype: str
    item_bytes: int


class TorchTensor(NamedTuple):
    """A view of a storage; offset, shape and strides count elements."""

    storage: TorchStorage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_state(pickled: bytes) -> dict[str, TorchTensor]:
    """The state dictionary that the pickle spells. Raises Refused for anything else."""
    try:
        state = _Machine().run(pickled)
    except (ValueError, IndexError, KeyError) as error:
        raise Refused(f"cannot be read ({type(error).__name__}: {error})".replace("\n", " ")) from None
    if not isinstance(state, dict):
        raise Refused("holds no dictionary")
    for name, tensor in state.items():
        if not isinstance(tensor, TorchTensor):
            raise Refused(f"holds {name[:100]!r}, which is no tensor")
    return state


class _Machine:
    """A stack, marks into it, and a memo. Underflow shows as IndexError, an unknown entry as KeyError."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def run(self, pickled: bytes) -> Any:
        for opcode, argument, _ in pickletools.genops(pickled):
            if opcode.name == "STOP":
                return self._stack.pop()
            self._step(opcode.name, argument)
        raise Refused("has no end")

    def _step(self, opcode: str, argument: Any) -> None:
        stack = self._stack
        if opcode in LITERALS:
            stack.append(argument)
        elif opcode in CONSTANTS:
            stack.append(CONSTANTS[opcode])
        elif opcode in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = stack[-1]
        elif opcode in ("BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif opcode == "MARK":
            self._marks.append(len(stack))
        elif opcode == "EMPTY_DICT":
            stack.append({})
        elif opcode == "EMPTY_LIST":
            stack.append([])
        elif opcode == "TUPLE":
            stack.append(tuple(self._since_mark()))
        elif opcode in TUPLES:
            stack.append(tuple(self._taken(TUPLES[opcode])))
        elif opcode in ("SETITEM", "SETITEMS"):
            self._set_items(self._taken(2) if opcode == "SETITEM" else self._since_mark())
        elif opcode in ("APPEND", "APPENDS"):
            self._append(self._taken(1) if opcode == "APPEND" else self._since_mark())
        elif opcode == "GLOBAL":
            stack.append(_known(argument))
        elif opcode == "BINPERSID":
            stack.append(_storage(stack.pop()))
        elif opcode == "REDUCE":
            function, arguments = self._taken(2)
            stack.append(_reduced(function, arguments))
        elif opcode == "BUILD":  # the state of an OrderedDict: torch keeps versions of modules there
            stack.pop()
            if not isinstance(stack[-1], dict):
                raise Refused("sets the state of something that is no dictionary")
        elif opcode != "PROTO":
            raise Refused(f"uses the opcode {opcode}")

    def _taken(self, count: int) -> list[Any]:
        if count > len(self._stack):
            raise IndexError("its stack is empty")
        taken = self._stack[-count:]
        del self._stack[-count:]
        return taken

    def _since_mark(self) -> list[Any]:
        mark = self._marks.pop()
        taken = self._stack[mark:]
        del self._stack[mark:]
        return taken

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise Refused("sets items of something that is no dictionary")
        for name, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(name, str):
                raise Refused(f"has a key of type {type(name).__name__}, not a name")
            target[name] = value

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise Refused("appends to something that is no list")
        target.extend(items)


def _known(argument: str) -> Global:
    if argument not in GLOBALS:
        raise Refused(f"asks for {argument.replace(' ', '.')[:100]}")
    return Global(argument)


def _storage(pid: Any) -> TorchStorage:
    match pid:
        case ("storage", Global(name), str(key), str(), int()) if name.startswith("torch "):
            return TorchStorage(key, *STORAGES[name.removeprefix("torch ")])
    raise Refused("refers to something that is no storage")


def _reduced(function: Any, arguments: Any) -> Any:
    name = function.name if isinstance(function, Global) else "something"
    match name, arguments:
        case "collections OrderedDict", ():
            return {}
        case "torch._utils _rebuild_parameter", (TorchTensor() as tensor, *_):
            return tensor
        case (
            "torch._utils _rebuild_tensor_v2",
            (TorchStorage() as storage, offset, tuple(shape), tuple(strides), *_),
        ):
            return _tensor(storage, (offset, *shape, *strides), len(shape))
    raise Refused(f"calls {name.replace(' ', '.')} in a way that makes no tensor")


def _tensor(storage: TorchStorage, numbers: tuple[Any, ...], dimensions: int) -> TorchTensor:
    """``numbers``: the offset, then a size and then a stride for each dimension."""
    if dimensions > MAX_DIMENSIONS or len(numbers) != 1 + 2 * dimensions:
        raise Refused("has a tensor of too many dimensions, or not as many strides as dimensions")
    if not all(type(number) is int and 0 <= number <= MAX_SIZE for number in numbers):
        raise Refused("has a tensor whose sizes are no sizes")
    return TorchTensor(storage, numbers[0], numbers[1 : 1 + dimensions], numbers[1 + dimensions :])
