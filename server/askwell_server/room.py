"""Whether a second model has room in memory beside the first: looked at before, for the kernel would kill."""

from collections.abc import Sequence
from pathlib import Path

from .engine.memory import free_bytes

# A model that runs takes its weights and a third more for caches and work. Loading takes another copy in the
# machine's memory: a CPU's weights are packed (a GPT-J of 6.1 GB peaks at 12 GB), a GPU's pass through.
RUNNING_SHARE, LOADING_SHARE = 1.3, 1.0
PROCESS_BYTES = 512 * 2**20


class NoRoom(RuntimeError):
    """There is too little memory. The message is one line that says how much is lacking."""


def check_room(folder: Path, devices: Sequence[str]) -> None:
    """Raises NoRoom when the model may not load on ``devices``, one process each, beside what runs now.

    What cannot be found out does not stand in the way: an engine process that fails to load is refused too.
    """
    weights = (folder / "model.bin").stat().st_size
    running = int(RUNNING_SHARE * weights) + PROCESS_BYTES
    on_cpu = running * devices.count("cpu") + int(LOADING_SHARE * weights) * len(devices)
    for device, needed in {**dict.fromkeys(devices, running), "cpu": on_cpu}.items():
        free = free_bytes(device)
        if free is not None and free < needed:
            raise NoRoom(
                f"loading {folder} beside it needs about {needed / 1e9:.1f} GB of memory on {device}, and "
                f"{free / 1e9:.1f} GB are free; stop the server and start it with the new model"
            )
