"""Whether a second model has room in memory beside the first: looked at before, for the kernel would kill."""

from collections import Counter
from collections.abc import Sequence

from .engine.memory import free_bytes
from .model import Model

# A model that runs takes its weights and a third more for caches and work. Loading takes another copy in the
# machine's memory: a CPU's weights are packed (a GPT-J of 6.1 GB peaks at 12 GB), a GPU's pass through.
RUNNING_SHARE, LOADING_SHARE = 1.3, 1.0
PROCESS_BYTES = 512 * 2**20


class NoRoom(RuntimeError):
    """There is too little memory. The message is one line that says how much is lacking."""


def check_room(model: Model, beside: Sequence[str]) -> None:
    """Raises NoRoom when the model may not load, in one process for each of its devices.

    ``beside`` are the devices of the engine that runs now: what "auto" stands for is most likely the first of
    them. What cannot be found out does not stand in the way: an engine process that fails to load is refused
    too.
    """
    stored = (model.folder / "model.bin").stat().st_size
    width = _width(model.served.manifest.quantization)
    needed: Counter[str] = Counter()
    for asked in model.devices:
        device = beside[0] if asked == "auto" else asked
        computed = stored * _computed_width(model.compute_type, width, device) // width
        needed[device] += int(RUNNING_SHARE * computed) + PROCESS_BYTES
        needed["cpu"] += int(LOADING_SHARE * max(stored, computed))
    for device, bytes_ in needed.items():
        free = free_bytes(device)
        if free is not None and free < bytes_:
            raise NoRoom(
                f"loading {model.folder} beside it needs about {bytes_ / 1e9:.1f} GB of memory on {device}, "
                f"and {free / 1e9:.1f} GB are free; stop the server and start it with the new model"
            )


def _width(kind: str) -> int:
    """Bytes of a weight, by the name of a quantization or compute type: "int8_float16", "bfloat16"."""
    if kind.startswith("int8"):
        return 1
    return 2 if kind.endswith("float16") else 4


def _computed_width(asked: str, stored: int, device: str) -> int:
    """Bytes of a weight that a folder stores in ``stored`` bytes, once it is loaded."""
    if asked not in ("auto", "default"):
        return _width(asked)
    if stored == 1:
        return 1
    if device == "cpu":
        return 4
    return stored if asked == "default" else 2
