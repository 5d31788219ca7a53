"""The TOML file of ``askwell-finetune prefer``.

model = "models/download/SmolLM2-135M-Instruct.Q4_1.gguf"
start = "runs/first/adapter"     # what askwell-finetune train made of that model; without it a new adapter
reviews = "reviews.jsonl"        # reviewers' decisions, see review.py
out = "runs/preferred"           # a new folder
beta = 0.1
"""

from dataclasses import asdict, dataclass
from typing import Any

from .config import Adapter, Schedule, choice, number, without_folders


@dataclass(frozen=True, slots=True)
class Pace(Schedule):
    """A schedule as of a training run, with a tenth of its learning rate: the model can ask already."""

    epochs: int = number(3, 1, 10_000)
    learning_rate: float = number(2e-5, 0, 10)


_ADAPTER, _PACE = Adapter(), Pace()


@dataclass(frozen=True, slots=True)
class PreferConfig:
    """``beta``: how dear it is to leave the starting policy, 1 / (the scale of what is learnt, in nats).

    A step learns from ``pairs_per_pass`` · ``passes_per_step`` pairs. ``adapter`` is for a new one: with
    ``start`` the adapter is as that one is. ``encoder``: a sentence encoder's folder for the guard.
    """

    model: str
    reviews: str
    out: str
    revision: str = ""
    start: str = ""
    encoder: str = ""
    seed: int = number(0, 0, 2**32 - 1)
    device: str = choice("auto", "cpu", "cuda")
    dtype: str = choice("float32", "bfloat16")
    beta: float = number(0.1, 1e-4, 100)
    pairs_per_pass: int = number(2, 1, 4096)
    passes_per_step: int = number(4, 1, 4096)
    adapter: Adapter = _ADAPTER
    schedule: Pace = _PACE

    def told(self) -> dict[str, Any]:
        """For a record that others read: of paths the last part only."""
        return without_folders(asdict(self), "model", "reviews", "out", "start", "encoder")
