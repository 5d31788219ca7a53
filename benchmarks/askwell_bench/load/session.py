"""One server under load: warmed up, then measured level by level or round by round."""

import argparse

from askwell_client import AsyncClient

from .drive import Drive
from .level import Level
from .plan import Plan
from .result import LevelResult
from .summary import Limits, summary


class Session:
    """A client of one server, with the limits and the deadline that the run was given."""

    def __init__(self, client: AsyncClient, given: argparse.Namespace) -> None:
        self._client = client
        self._timeout_s: float = given.timeout_s
        self._limits = Limits(_seconds(given.ttft_ms), _seconds(given.e2e_ms))

    async def warm_up(self, plan: Plan, level: Level) -> str | None:
        """Returns why the server is gone, if it is."""
        concurrency = int(level.value) if level.loop == "closed" else 1
        return await Drive(self._client, self._timeout_s).closed(plan.warmup, concurrency)

    async def measure(
        self, plan: Plan, level: Level, number: int = 0, *, label: str | None = None
    ) -> tuple[LevelResult | None, str | None]:
        """A round of the plan at a level: what was seen, if anything, and why it ended early, if so."""
        drive = Drive(self._client, self._timeout_s)
        offsets_s = plan.offsets_s(level, number)
        if offsets_s is None:
            stopped = await drive.closed(plan.round(number), int(level.value))
        else:
            stopped = await drive.open(plan.round(number), offsets_s)
        if not drive.records:
            return None, stopped
        found = summary(drive.records, self._limits, drive.loop_lags_s, drive.cpu_s)
        return LevelResult(level, found, drive.records, label or level.label), stopped


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1e3
