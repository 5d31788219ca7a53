"""What becomes of requests when the engine is killed, and of memory when it works for long."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..soak import BEARABLE, GROWTH_LIMIT
from ..verdict import Verdict
from .markdown import NONE, counted, exact, listed, number, percent, signed, table, text, whole
from .section import Section
from .source import Result, Results, as_number, median, numbers
from .verdict import verdict_list

KILLS = "askwell-bench kills --model DIR --out benchmarks/results"
SOAK = "askwell-bench soak --model DIR --out benchmarks/results"
_NEVER = "never"
_TIMES = ("back_s", "fresh_s", "calm_s")
_PARTS = {"front": "front", "engine": "engine process", "total": "all processes"}


def kills_section(results: Results) -> Section:
    result = results.one("kills")
    return Section(KILLS, (result,), {"run": _kills(result)}) if result else Section(KILLS, ())


def soak_section(results: Results) -> Section:
    result = results.one("soak")
    return Section(SOAK, (result,), {"run": _soak(result)}) if result else Section(SOAK, ())


def ends_told(result: Result) -> str:
    """How many requests ended how."""
    ends = result.object("ends").items()
    return listed([f"{whole(as_number(count))} {end}" for end, count in ends]) or "not measured"


def slowest_s(result: Result) -> str:
    """Until somebody had a token again, after the worst kill."""
    time = _time(result.number("back_s", "max"))
    return time if time == _NEVER else f"{time} s"


def kill_verdicts(result: Result) -> list[Verdict]:
    wrong, late = result.number("wrong_ends"), result.number("late")
    allowed_s, load_s = result.number("allowed_s"), result.number("load_s")
    more = None if allowed_s is None or load_s is None else allowed_s - load_s
    service = f"tokens flow again within the time that loading the model takes and {exact(more)} s more"
    late_ones = f"{slowest_s(result)} at most, {whole(late)} of {len(result.rows('kills'))} too late"
    return [
        Verdict(
            "every request ends in a result or UNAVAILABLE",
            ends_told(result),
            None if wrong is None else not wrong,
        ),
        Verdict(service, late_ones, None if late is None else not late),
    ]


def _kills(result: Result) -> str:
    kills = result.rows("kills")
    by_signal: dict[str, list[Mapping[str, Any]]] = {}
    for each in kills:
        by_signal.setdefault(text(each.get("signal")), []).append(each)
    groups = by_signal | ({"all": kills} if len(by_signal) > 1 else {})
    header = [
        "", "kills", "a token again after, s (median)", "at most", "a new request answered after, s (median)",
        "at most", "the same before the kill, s (median)", "at most",
    ]  # fmt: skip
    rows = [
        [signal, whole(len(group)), *(cell for key in _TIMES for cell in _spread(group, key))]
        for signal, group in groups.items()
    ]
    told = f"Loading the model takes {number(result.number('load_s'))} s."
    said = "\n".join(f"- {end}, as it was told: `{words}`" for end, words in result.object("said").items())
    parts = (told, table(header, rows), said, verdict_list(result, kill_verdicts(result)))
    return "\n\n".join(part for part in parts if part)


def _spread(kills: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    times_s = numbers([each.get(key) for each in kills])
    return [_time(median(times_s)), _time(max(times_s, default=None))]


def _time(time_s: float | None) -> str:
    return _NEVER if time_s == math.inf else number(time_s)


def soak_verdicts(result: Result) -> list[Verdict]:
    grown, ends = result.number("growth", "total"), result.object("ends")
    before, after = result.object("before"), result.object("after")
    found = "not measured" if grown is None else _grown(grown)
    held = f"{_census(before)} before, {_census(after)} after" if before and after else "not measured"
    return [
        Verdict(
            f"once the server has settled its memory grows by {percent(GROWTH_LIMIT)} at most",
            found,
            None if grown is None else grown <= GROWTH_LIMIT,
        ),
        Verdict(
            "at rest there is no more of anything after than before",
            held,
            not result.object("leaked") if before and after else None,
        ),
        Verdict(
            "every request ends in a result, or is left by its caller",
            ends_told(result),
            all(end in BEARABLE for end in ends) if ends else None,
        ),
    ]


def _soak(result: Result) -> str:
    samples = result.rows("memory_mib")
    ends = [_memory(each) for each in (samples[0], samples[-1])] if samples else [{}, {}]
    rows = [
        [label, *(whole(memory.get(part)) for memory in ends), _grown(result.number("growth", part))]
        for part, label in _PARTS.items()
    ]
    header = ["resident memory", "at the start, MiB", "at the end, MiB", "growth once settled"]
    minutes, callers = exact(result.number("minutes")), counted(result.get("callers"), "request")
    told = f"{minutes} minutes, {callers} under way at once."
    parts = (told, table(header, rows), verdict_list(result, soak_verdicts(result)))
    return "\n\n".join(part for part in parts if part)


def _memory(sample: Mapping[str, Any]) -> dict[str, float]:
    found = {part: as_number(sample.get(part)) or 0.0 for part in ("front", "engine", "others")}
    return found | {"total": sum(found.values())}


def _grown(share: float | None) -> str:
    return NONE if share is None else f"{signed(share * 100)} %"


def _census(held: Mapping[str, Any]) -> str:
    return listed([f"{whole(as_number(count))} {what}" for what, count in held.items()])
