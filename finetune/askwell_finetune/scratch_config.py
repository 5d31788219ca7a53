"""The TOML file of ``askwell-finetune scratch``.

data = "data/questions"          # what askwell-finetune data wrote
roles = "finetune/data/roles"    # whose documents it learns to read; those of training roles alone
out = "runs/small"               # a new folder

[shape]
layers = 6
"""

from dataclasses import dataclass

from .config import Batch, Config, Schedule, Watch, choice, number


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a GPT-J: ``layers`` · 12 · ``width``² weights in its blocks, 2 · ``vocabulary`` · ``width`` beside.

    The vocabulary is smaller where the text has not so many different words.
    """

    layers: int = number(6, 1, 100)
    width: int = number(256, 8, 1 << 14)
    heads: int = number(4, 1, 256)
    vocabulary: int = number(8192, 300, 1 << 17)
    positions: int = number(1024, 16, 1 << 16)


@dataclass(frozen=True, slots=True)
class Lessons(Schedule):
    """A schedule as of a training run, for weights that know nothing yet."""

    epochs: int = number(20, 1, 10_000)
    learning_rate: float = number(1e-3, 0, 10)
    weight_decay: float = number(0.1, 0, 10)


_SHAPE, _BATCH, _LESSONS, _WATCH = Shape(), Batch(), Lessons(), Watch()


@dataclass(frozen=True, slots=True)
class ScratchConfig:
    """``batch`` and ``watch`` are as of a training run."""

    data: str
    out: str
    roles: str = ""
    seed: int = number(0, 0, 2**32 - 1)
    device: str = choice("auto", "cpu", "cuda")
    shape: Shape = _SHAPE
    batch: Batch = _BATCH
    schedule: Lessons = _LESSONS
    watch: Watch = _WATCH

    def training(self, start: str, run: str) -> Config:
        """The run that trains the model in the folder ``start``."""
        return Config(
            model=start,
            data=self.data,
            out=run,
            seed=self.seed,
            device=self.device,
            batch=self.batch,
            schedule=self.schedule,
            watch=self.watch,
        )
