"""``run.json``: what a run was made of and every figure that it gave, without a path of this machine."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from .base_model import Base
from .config import Config
from .data_set import EncodedSplit
from .errors import FinetuneError
from .standing import Standing

RECORD = "run.json"
TOOLS = ("askwell", "torch", "transformers", "peft", "accelerate", "safetensors", "tokenizers")


class Told(Protocol):
    """A config that can be recorded."""

    def told(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run is made of. To go on with one, all but versions and hardware must be the same."""

    config: Mapping[str, Any]
    base: Mapping[str, Any]
    data: Mapping[str, Any]
    versions: Mapping[str, str]
    hardware: Mapping[str, Any]

    @classmethod
    def of(
        cls, config: Told, base: Base, splits: Sequence[EncodedSplit], device: Any, processes: int
    ) -> "RunRecord":
        return cls(
            config=config.told(),
            base={"name": base.label, "sha256": base.sha256, "architecture": base.source.plan.architecture},
            data={
                split.name: {
                    "sha256": split.sha256,
                    "examples": len(split.examples),
                    "too long, left out": split.too_long,
                    "tokens": sum(len(each.ids) for each in split.examples),
                    "targets": sum(len(each.completion) for each in split.examples),
                }
                for split in splits
            },
            versions={"python": platform.python_version(), **{tool: version(tool) for tool in TOOLS}},
            hardware=_hardware(device, processes),
        )

    def refuse_another(self, before: Mapping[str, Any], config: Config, where: str) -> None:
        """Raises FinetuneError when the run before had another base, other data or other settings."""
        if before["base"]["sha256"] != self.base["sha256"]:
            told = f"was trained on {before['base']['name']} of another sha256 than this {self.base['name']}"
        elif changed := [name for name in self.data if before["data"].get(name) != self.data[name]]:
            told = f"had another {changed[0]}.jsonl"
        elif differences := config.differences(before["config"]):
            told = f"had other settings: {'; '.join(differences)}"
        elif self.hardware["processes"] != before["hardware"]["processes"]:
            told = (
                f"ran in {before['hardware']['processes']} processes, this is in {self.hardware['processes']}"
            )
        else:
            return
        raise FinetuneError(
            f"the run in {where} {told}; give it what it had, or start anew in another out folder"
        )


def _hardware(device: Any, processes: int) -> dict[str, Any]:
    import torch

    found = {"device": device.type, "processes": processes, "cpu": _cpu(), "cores": os.cpu_count()}
    if device.type == "cuda":
        found["gpu"] = torch.cuda.get_device_name(device)
        found["peak GPU memory, bytes"] = torch.cuda.max_memory_allocated(device)
    return {**found, "threads": torch.get_num_threads()}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def write_record(
    run: Path, record: RunRecord, standing: Standing, more: Mapping[str, Any] | None = None
) -> None:
    """The file appears whole or not at all. ``more``: what else came out."""
    steps = standing.steps
    seconds = sum(each.seconds for each in steps)
    result = {
        "stopped": standing.stopped or "not yet",
        "steps": standing.step,
        "minutes": round(standing.seconds / 60, 2),
        "training loss": steps[-1].loss if steps else None,
        "best validation loss": standing.best if standing.validations else None,
        "best step": standing.best_step,
        "tokens per second": round(sum(each.tokens for each in steps) / seconds, 1) if steps else None,
        "examples per second": round(sum(each.examples for each in steps) / seconds, 2) if steps else None,
        **(more or {}),
    }
    figures = {
        "steps": [asdict(each) for each in steps],
        "validations": [asdict(each) for each in standing.validations],
    }
    part = run / f".{RECORD}.part"
    part.write_text(
        json.dumps({"result": result, **asdict(record), "figures": figures}, indent=1, ensure_ascii=False)
        + "\n",
        encoding="utf-8",
    )
    part.replace(run / RECORD)


def read_record(run: Path) -> dict[str, Any]:
    """Raises FinetuneError when the folder is of no run."""
    try:
        found: dict[str, Any] = json.loads((run / RECORD).read_text(encoding="utf-8"))
        found["base"]["sha256"], found["data"], found["config"], found["hardware"]["processes"]
    except (OSError, ValueError, KeyError, TypeError):
        raise FinetuneError(
            f"{run} has no {RECORD} of a run to go on with; choose another out folder"
        ) from None
    return found
