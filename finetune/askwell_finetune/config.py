"""The TOML file of a training run: read once, every key known, every value in bounds.

    model = "models/download/SmolLM2-135M-Instruct.Q4_1.gguf"  # a GGUF file, a folder, a hub id
    data = "data/questions"                                    # what askwell-finetune data wrote
    out = "runs/first"                                         # a new folder

    [adapter]
    rank = 8

Paths are relative to the folder that the command is run in. Each class below is a table of the file, and
says what its keys mean.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from .errors import FinetuneError

Settings = TypeVar("Settings")


def number(default: float, low: float, high: float) -> Any:
    return field(default=default, metadata={"low": low, "high": high})


def choice(*names: str) -> Any:
    return field(default=names[0], metadata={"names": names})


@dataclass(frozen=True, slots=True)
class Adapter:
    """LoRA (https://arxiv.org/abs/2106.09685): the delta of a weight is ``alpha / rank`` · B @ A.

    ``targets`` are the names of the linear layers that get one; empty: all of a Llama's or GPT-J's block.
    ``stored``: the type in the adapter's file; float16 halves it.
    """

    rank: int = number(8, 1, 4096)
    alpha: float = number(16.0, 1e-3, 1e6)
    dropout: float = number(0.0, 0, 0.9)
    targets: tuple[str, ...] = ()
    stored: str = choice("float32", "float16")


@dataclass(frozen=True, slots=True)
class Batch:
    """A step learns from ``packs_per_pass`` · ``passes_per_step`` packs in each process.

    A pack holds as many examples as fit into ``pack_tokens``, what they share once; a pass takes its packs
    through the model together, and so decides what memory is needed.
    """

    pack_tokens: int = number(512, 16, 1 << 20)
    packs_per_pass: int = number(1, 1, 4096)
    passes_per_step: int = number(4, 1, 4096)
    gradient_checkpointing: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """The learning rate rises over ``warmup``, a share of the whole run, and falls to 0 as a cosine does.

    The whole run is ``epochs`` times the data, or ``steps`` where those are not 0.
    """

    epochs: int = number(2, 1, 10_000)
    steps: int = number(0, 0, 100_000_000)
    learning_rate: float = number(2e-4, 0, 10)
    warmup: float = number(0.05, 0, 1)
    weight_decay: float = number(0.0, 0, 10)
    clip: float = number(1.0, 1e-6, 1e6)


@dataclass(frozen=True, slots=True)
class Watch:
    """How often to look, in steps, and when to stop.

    Of the validation data at most ``validation_examples`` are used, drawn once. ``patience``: after so many
    validations without a better one the run stops; 0: never. ``max_minutes``: the run stops there with the
    schedule cut off, the learning rate being what it is by then; 0: no limit.
    """

    validate_every: int = number(50, 1, 100_000_000)
    validation_examples: int = number(256, 1, 100_000_000)
    patience: int = number(0, 0, 1_000_000)
    checkpoint_every: int = number(50, 1, 100_000_000)
    max_minutes: float = number(0, 0, 1e6)


@dataclass(frozen=True, slots=True)
class Config:
    """``revision`` is a hub id's branch, tag or commit. ``dtype`` is what the base model computes in; the
    adapter's weights are float32 in either."""

    model: str
    data: str
    out: str
    revision: str = ""
    seed: int = number(0, 0, 2**32 - 1)
    device: str = choice("auto", "cpu", "cuda")
    dtype: str = choice("float32", "bfloat16")
    adapter: Adapter = Adapter()
    batch: Batch = Batch()
    schedule: Schedule = Schedule()
    watch: Watch = Watch()

    def told(self) -> dict[str, Any]:
        """For a record that others read: of paths the last part only."""
        return without_folders(asdict(self), "model", "data", "out")

    def differences(self, told: Mapping[str, Any]) -> list[str]:
        """What of ``told``, another config's, would make this run another; how often it looks does not."""
        mine, own = self.told(), ("out", "device")
        found = [
            f"{key} is {mine[key]!r}, was {told.get(key)!r}"
            for key in mine
            if not isinstance(mine[key], dict) and key not in own and mine[key] != told.get(key)
        ]
        for table in ("adapter", "batch", "schedule", "watch"):
            was = told.get(table, {})
            found += [
                f"{table}.{key} is {value!r}, was {was.get(key)!r}"
                for key, value in mine[table].items()
                if key not in ("max_minutes", "checkpoint_every") and _plain(value) != _plain(was.get(key))
            ]
        return found


def without_folders(told: dict[str, Any], *keys: str) -> dict[str, Any]:
    """``told`` with the paths at ``keys`` cut to their last part."""
    for key in keys:
        told[key] = Path(told[key]).name if Path(told[key]).exists() else told[key].rpartition("/")[2]
    return told


def read_config(path: Path) -> Config:
    """Raises what ``read_settings`` raises."""
    return read_settings(path, Config)


def read_settings(path: Path, kind: type[Settings]) -> Settings:
    """A TOML file as the dataclass ``kind``.

    Raises FinetuneError, one line, for a file that cannot be read and for any key or value not known."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FinetuneError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise FinetuneError(f"{path} is no TOML: {error}") from None
    settings: Settings = _table(kind, given, "", str(path))
    return settings


def _table(kind: Any, given: Mapping[str, Any], prefix: str, where: str) -> Any:
    known = {each.name: each for each in fields(kind)}
    for key in given:
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known are {', '.join(known)}"
            raise FinetuneError(f"{where}: no setting {prefix}{key}; {hint}")
    values = {}
    for name, each in known.items():
        if name in given:
            values[name] = _value(each, given[name], prefix + name, where)
        elif each.default is MISSING:
            raise FinetuneError(f"{where} lacks {prefix}{name}")
    return kind(**values)


def _value(each: Any, value: Any, name: str, where: str) -> Any:
    bounds, kind = each.metadata, each.type
    if is_dataclass(kind):
        if not isinstance(value, dict):
            raise FinetuneError(f"{where}: {name} must be a table, [{name}]")
        return _table(kind, value, f"{name}.", where)
    if kind is bool:
        fits, wanted = isinstance(value, bool), "true or false"
    elif kind in (int, float):
        is_number = type(value) is int or (kind is float and type(value) is float)
        fits = is_number and bounds["low"] <= value <= bounds["high"]  # NaN fails here too
        whole = "a whole number" if kind is int else "a number"
        wanted = f"{whole} from {bounds['low']:g} to {bounds['high']:g}"
    elif kind is str:
        fits = isinstance(value, str) and (value in bounds["names"] if bounds else bool(value))
        wanted = " or ".join(bounds["names"]) if bounds else "a text that is not empty"
    else:
        fits = isinstance(value, list) and all(isinstance(each, str) and each for each in value)
        wanted = "a list of names"
    if not fits:
        raise FinetuneError(f"{where}: {name} is {value!r}; it must be {wanted}")
    return kind(value) if kind in (int, float) else tuple(value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    return list(value) if isinstance(value, tuple) else value
