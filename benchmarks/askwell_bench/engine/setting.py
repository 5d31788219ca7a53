"""Malloc, OpenMP and CTranslate2's own settings: each in a process of its own.

A setting takes turns with the server's environment at the same number of threads; and all cores with one
thread, both in the server's environment.
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from askwell_server.engine.cost import CostModel
from askwell_server.engine.spawn import ENGINE_ENV

from ..result import Measure
from .bandwidth import cores
from .case import Case, expected_s
from .grid import Grid, Shape
from .repeat import repeat
from .section import Row, Section
from .subject import Engine, Subject

SERVER = "the server's settings"
# Two engines at a time, and the second copy that packing the weights needs for a while.
_MEMORY_PER_WEIGHTS = 3.2


@dataclass(frozen=True, slots=True)
class _Setting:
    """``environment`` None is the server's, and so is that of the other side, at ``base_threads``."""

    label: str
    base_threads: int
    threads: int
    environment: Mapping[str, str] | None = None


def settings_section(engine: Engine, grid: Grid, cost: CostModel | None) -> Section:
    weights_bytes = (engine.model / "model.bin").stat().st_size
    if _free_bytes() < _MEMORY_PER_WEIGHTS * weights_bytes:
        needed_gib = _MEMORY_PER_WEIGHTS * weights_bytes / 2**30
        needed = f"settings, for two engines at a time need {needed_gib:.0f} GiB of free memory"
        return Section("settings", (), (), left_out=(needed,))
    wanted = _wanted(engine.threads, cores(), grid.all_settings)
    comparisons = _Comparisons(engine, grid, cost)
    try:
        comparisons.run(wanted)
    except (KeyboardInterrupt, RuntimeError) as error:
        comparisons.stopped = error
    return comparisons.section()


def _wanted(threads: int, all_cores: int, everything: bool) -> list[_Setting]:
    """The most telling first, by the threads of the other side; ``everything`` is the full list."""
    other = all_cores if threads != all_cores else 1
    many = max(threads, all_cores)
    found = [_Setting("glibc's malloc", threads, threads, {})]
    if other != threads:
        found.append(_Setting(SERVER, threads, other))
    if everything:
        found += [_variable(name, "0", threads) for name in ("CT2_PACKED_GEMM", "CT2_USE_MKL")]
    if many > 1:
        found.append(_variable("OMP_WAIT_POLICY", "PASSIVE", many))
    if many > 1 and everything:
        found.append(_variable("GOMP_SPINCOUNT", "1000", many))
    if many != threads and everything:
        found.append(_Setting("glibc's malloc", many, many, {}))
    return found


def _variable(name: str, value: str, threads: int) -> _Setting:
    return _Setting(f"{name}={value}", threads, threads, {**ENGINE_ENV, name: value})


@dataclass(slots=True)
class _Comparisons:
    """Gathers what the settings show; two engines are alive at a time."""

    engine: Engine
    grid: Grid
    cost: CostModel | None
    base_ms: dict[tuple[int, Shape], list[float]] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    stopped: BaseException | None = None

    def run(self, wanted: Sequence[_Setting]) -> None:
        left_s = self.grid.budget_s["settings"]  # of measuring; loading is not counted
        waiting = list(wanted)
        while waiting and not self.stopped:
            base_threads = waiting[0].base_threads
            with Subject(replace(self.engine, threads=base_threads)) as base:
                while waiting and waiting[0].base_threads == base_threads and not self.stopped:
                    share_s = left_s / len(waiting)
                    setting = waiting.pop(0)
                    if share_s > 0:
                        left_s -= self._compare(base, setting, share_s)
                    else:
                        self.left_out.append(f"setting {setting.label} with {setting.threads} threads")

    def _compare(self, base: Subject, setting: _Setting, share_s: float) -> float:
        """Returns the seconds that it took, loading left out."""
        engine = replace(self.engine, threads=setting.threads, environment=setting.environment)

        def case(shape: Shape) -> Case:
            return Case.decode(*shape, self.grid.steps)

        with Subject(engine) as subject:
            start = time.monotonic()
            found = repeat(
                f"setting {setting.label}",
                self.grid.settings,
                lambda shape: tuple(each.run(case(shape)).step_s * 1e3 for each in (base, subject)),
                budget_s=share_s,
                rounds=self.grid.rounds,
                expected_s=lambda shape: 2 * expected_s([case(shape)], self.cost),
            )
            took_s = time.monotonic() - start
        self.stopped = found.stopped
        threads = setting.threads
        self.left_out += [
            f"setting {setting.label} with {threads} threads, {rows} rows at {context} tokens"
            for rows, context in found.left_out
        ]
        for shape, rounds in found.values.items():
            self.base_ms.setdefault((setting.base_threads, shape), []).extend(base for base, _ in rounds)
            ratios = tuple(own / base for base, own in rounds)
            ms = statistics.median(own for _, own in rounds)
            self.rows.append(_row(setting.label, threads, shape, ms, statistics.median(ratios)))
            name = f"setting {setting.label}, {threads} threads, {shape[0]} x {shape[1]}"
            # Better is higher: the server's settings shall win.
            self.measures.append(Measure(name, "ratio", "higher", ratios, relative=True))
        return took_s

    def section(self) -> Section:
        base = [
            _row(SERVER, threads, shape, statistics.median(values), 1.0)
            for (threads, shape), values in self.base_ms.items()
            if not any(
                row["label"] == SERVER and (row["threads"], row["rows"], row["context"]) == (threads, *shape)
                for row in self.rows
            )
        ]
        rows = sorted([*base, *self.rows], key=lambda row: (row["rows"], row["context"], row["threads"]))
        lines = [f"  {'rows':>6}{'context':>8}{'threads':>9}{'ms':>9}{'to server':>11}"]
        lines += [
            "  {rows:>6}{context:>8}{threads:>9}{ms:>9.1f}{ratio:>11.3f}  {label}".format(**row)
            for row in rows
        ]
        return Section("settings", rows, lines, self.measures, self.left_out, self.stopped)


def _row(label: str, threads: int, shape: Shape, ms: float, ratio: float) -> Row:
    """``ratio`` is to the server's settings, of the same round."""
    return {
        "label": label, "threads": threads, "rows": shape[0], "context": shape[1], "ms": ms, "ratio": ratio,
    }  # fmt: skip


def _free_bytes() -> float:
    """What Linux would lend without swapping; elsewhere nobody knows."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return float("inf")
    return next(
        (float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), float("inf")
    )
