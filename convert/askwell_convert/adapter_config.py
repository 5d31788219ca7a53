"""What an adapter's ``adapter_config.json`` says, and the refusal of all that is more than plain LoRA."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ConvertError
from .settings import Settings
from .source_text import read_source_text

CONFIG_NAME = "adapter_config.json"
MAX_RANK = 1 << 16
# Keys that change nothing about the merged weights, or that are read below. Every other key must be unset:
# what a later PEFT adds is refused by its name until someone has read what it does.
# fmt: off
KNOWN_KEYS = frozenset({
    "auto_mapping", "base_model_name_or_path", "revision", "peft_type", "peft_version", "task_type",
    "inference_mode", "r", "lora_alpha", "lora_dropout", "rank_pattern", "alpha_pattern", "use_rslora",
    "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "init_lora_weights",
    "eva_config", "loftq_config", "corda_config", "lora_ga_config", "megatron_config", "megatron_core",
    "qalora_group_size", "runtime_config",
    "fan_in_fan_out",  # PEFT corrects it by the layer it meets; so does Part.transposed
})
# fmt: on
# The others (PiSSA, OLoRA, CorDA, LoftQ, ...) take something out of the base weights before the training.
PLAIN_INITS = (True, False, None, "gaussian", "eva", "orthogonal")
# Groups can make a short pattern take forever; PEFT's own patterns are names.
FOLLOWED_PATTERN = re.compile(r"[\w.^$\\*+?|\[\]-]{1,256}")
MAX_REPETITIONS = 3


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """A plain LoRA adapter; patterns name modules that have a rank or an alpha of their own.

    ``targets`` are the names of the adapted modules, None when the config says it in another way.
    """

    base_model: str | None
    rank: int
    alpha: float
    rank_pattern: Mapping[str, int]
    alpha_pattern: Mapping[str, float]
    rank_stabilized: bool
    targets: frozenset[str] | None

    def rank_of(self, module: str) -> int:
        return next((rank for key, rank in self.rank_pattern.items() if _matches(key, module)), self.rank)

    def scaling_of(self, module: str) -> float:
        """alpha / rank, or alpha / √rank for rank-stabilized LoRA (https://arxiv.org/abs/2312.03732)."""
        alphas = (alpha for key, alpha in self.alpha_pattern.items() if _matches(key, module))
        rank = self.rank_of(module)
        return next(alphas, self.alpha) / (math.sqrt(rank) if self.rank_stabilized else rank)

    def adapts(self, module: str) -> bool | None:
        """Whether the adapter has weights for ``module``; None when the config does not say it by name."""
        if self.targets is None:
            return None
        return any(module == name or module.endswith(f".{name}") for name in self.targets)


def read_adapter_config(folder: Path) -> AdapterConfig:
    """Raises ConvertError for a folder without a config and for all but plain LoRA, which it names."""
    values = _read(folder / CONFIG_NAME)
    kind = values.get("peft_type")
    if kind != "LORA":
        raise ConvertError(f"{folder} is an adapter of type {kind!r}; only LORA can be merged")
    for key, value in values.items():
        if key not in KNOWN_KEYS and value and value != "none":
            raise _unsupported(key, value)
    if (init := values.get("init_lora_weights")) not in PLAIN_INITS:
        raise _unsupported("init_lora_weights", init)
    rank_stabilized = values.get("use_rslora") or False
    if not isinstance(rank_stabilized, bool):
        raise _unsupported("use_rslora", rank_stabilized)
    settings = Settings(values, CONFIG_NAME)
    ranks, alphas = (_patterns(values, key) for key in ("rank_pattern", "alpha_pattern"))
    base_model = values.get("base_model_name_or_path")
    return AdapterConfig(
        base_model=base_model if isinstance(base_model, str) and base_model else None,
        rank=settings.count("r", limit=MAX_RANK),
        alpha=settings.number("lora_alpha"),
        rank_pattern={key: ranks.count(key, limit=MAX_RANK) for key in ranks.values},
        alpha_pattern={key: alphas.number(key) for key in alphas.values},
        rank_stabilized=rank_stabilized,
        targets=_targets(values),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(read_source_text(path))
    except (FileNotFoundError, NotADirectoryError):
        raise ConvertError(f"{path.parent} has no {path.name}; is it the folder of a PEFT adapter?") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConvertError(f"cannot read {path}: {error}") from None
    if not isinstance(values, dict):
        raise ConvertError(f"{path} holds no JSON object")
    return values


def _unsupported(key: str, value: object) -> ConvertError:
    text = repr(value)
    return ConvertError(
        f"the adapter has {key}={text[:60] + '…' * (len(text) > 60)}, which cannot be merged here; "
        "merge it with PEFT's merge_and_unload and convert what that saves"
    )


def _patterns(values: Mapping[str, Any], name: str) -> Settings:
    patterns = values.get(name) or {}
    if not isinstance(patterns, dict):
        raise ConvertError(f"{CONFIG_NAME} says {name}={patterns!r}; patterns and numbers are needed")
    for pattern in patterns:
        try:
            followed = FOLLOWED_PATTERN.fullmatch(pattern) and re.compile(pattern)
        except re.error:
            followed = None
        if not followed or sum(pattern.count(sign) for sign in "*+?") > MAX_REPETITIONS:
            raise ConvertError(
                f"{CONFIG_NAME} has the {name} {pattern!r}, which is more than this converter follows; "
                "name the modules one by one"
            )
    return Settings(patterns, f"{CONFIG_NAME} ({name})")


def _targets(values: Mapping[str, Any]) -> frozenset[str] | None:
    names = values.get("target_modules")
    if not isinstance(names, list) or any(
        values.get(key) not in (None, []) for key in ("layers_to_transform", "exclude_modules")
    ):
        return None
    return frozenset(str(name) for name in names)


def _matches(pattern: str, module: str) -> bool:
    """PEFT's rule: the end of a module's name, from a dot on, or all of it."""
    return re.match(rf"(.*\.)?({pattern})$", module) is not None
