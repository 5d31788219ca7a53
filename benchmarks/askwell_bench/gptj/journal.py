"""The results of the stages, one file each: what a run leaves, and what the next one need not do again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..result import cpu_name, result, write_result
from .stage import FULL_LAYERS, Finding, Work

BENCHMARK = "gptj"


@dataclass(frozen=True, slots=True)
class Journal:
    """``folder`` gets gptj-STAGE-DEVICE.json, of a slice of the model gptj-STAGE-DEVICE-Nlayers.json."""

    folder: Path
    work: Work

    def path(self, stage: str) -> Path:
        part = "" if self.work.layers == FULL_LAYERS else f"-{self.work.layers}layers"
        return self.folder / f"{BENCHMARK}-{stage}-{self.work.device}{part}.json"

    def has(self, stage: str) -> bool:
        """Whether the stage was measured. One that failed, with a text that says why, was not."""
        told = self._told(stage)
        return told is not None and not isinstance(told.get("failed"), str)

    def why_due(self, stage: str) -> str | None:
        """Why the stage is to be measured, or None when its result is whole, and of this machine and work."""
        told = self._told(stage)
        if told is None:
            return "no result yet"
        if not self.has(stage):
            return "it failed the last time"
        if told.get("partial") is True:
            return "its result is partial"
        if told.get("cpu") != cpu_name():
            return f"its result is of another machine, {told.get('cpu')}"
        for name, value in self._about(stage).items():
            if told.get(name) != value:
                return f"its result has {name} {told.get(name)}, not {value}"
        return None

    def record(self, stage: str, finding: Finding) -> None:
        told = result(BENCHMARK, {**self._about(stage), **finding.figures}, finding.measures)
        write_result(self.path(stage), told)

    def record_failure(self, stage: str, why: str) -> None:
        """Beside nothing good: what was measured before stays."""
        if not self.has(stage):
            write_result(self.path(stage), result(BENCHMARK, {**self._about(stage), "failed": why}))

    def _about(self, stage: str) -> Mapping[str, Any]:
        return {"stage": stage, "layers": self.work.layers, "device": self.work.device}

    def _told(self, stage: str) -> dict[str, Any] | None:
        """The result's file. None where there is none that can be read."""
        try:
            told = json.loads(self.path(stage).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return told if isinstance(told, dict) else None
