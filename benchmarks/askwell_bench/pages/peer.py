"""Askwell beside its peers: the same weights, prompts and output lengths, in turn."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .markdown import NONE, counted, number, span, table, text, whole
from .section import Section
from .source import Result, Results, as_number, as_object, median, numbers

COMMAND = "make bench-peers bench-full"
OURSELVES = "askwell"
TITLES = {
    "one": "one request",
    "set": "8 questions for one candidate",
    "sets": "16 candidates × 8 questions at once",
    "mixed": "mixed lengths under Poisson load",
}


@dataclass(frozen=True, slots=True)
class Peer:
    """One entry of peers.json: a peer, in one of its ways to run."""

    figures: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.figures.get("name", "unnamed"))

    @property
    def variant(self) -> str:
        return str(self.figures.get("variant") or "")

    @property
    def label(self) -> str:
        return f"{self.name}, {self.variant}" if self.variant else self.name

    @property
    def ours(self) -> bool:
        return self.name == OURSELVES

    @property
    def absent(self) -> str | None:
        """Why it is not here."""
        reason = self.figures.get("absent")
        return None if reason is None else str(reason)

    @property
    def perplexity(self) -> float | None:
        return as_number(self.figures.get("perplexity"))

    def run(self, workload: str) -> Mapping[str, Any] | None:
        found = as_object(self.figures.get("results")).get(workload)
        return found if isinstance(found, Mapping) else None

    def ratios(self, workload: str) -> list[float]:
        """Its time through ours, round by round: above 1 we are faster. Empty for unequal work."""
        run = as_object(self.run(workload))
        return [] if run.get("equal_tokens") is False else numbers(run.get("ratio") or [])

    def ratio(self, workload: str) -> float | None:
        return median(self.ratios(workload))


def peers(result: Result) -> list[Peer]:
    return [Peer(each) for each in result.rows("peers")]


def workloads(result: Result) -> list[str]:
    """As named in the file, the known ones first."""
    named = result.object("workloads") or {
        name: None for each in peers(result) for name in as_object(each.figures.get("results"))
    }
    return [name for name in TITLES if name in named] + sorted(name for name in named if name not in TITLES)


def title(workload: str) -> str:
    return TITLES.get(workload, workload)


def latency(result: Result, workload: str) -> str:
    """Which latency the ratios are of; empty where they are of the time of all the work."""
    told = str(result.get("workloads", workload, "ratio_of") or "seconds")
    return "" if told == "seconds" else told


def compared(result: Result, workload: str) -> str:
    """The title, and what of it is compared."""
    return ", ".join(filter(None, [title(workload), latency(result, workload)]))


def peer_section(results: Results) -> Section:
    result = results.one("peers")
    if result is None:
        return Section(COMMAND, ())
    entries = peers(result)
    tables = [_workload(result, entries, name) for name in workloads(result)]
    parts = {
        "who": _who(entries),
        "absent": "\n".join(f"- **{each.label}**: {each.absent}" for each in entries if each.absent),
        "workloads": "\n\n".join(filter(None, tables)),
        "samples": "\n".join(_samples(entries)),
    }
    return Section(COMMAND, (result,), parts)


def _who(entries: list[Peer]) -> str:
    header = ["", "version", "weights", "computes in", "threads", "perplexity", "loads in, s", "memory, MiB"]
    return table(
        header,
        [
            [
                each.label,
                *(text(each.figures.get(key)) for key in ("version", "weights", "compute", "threads")),
                number(each.perplexity),
                number(as_number(each.figures.get("load_s")), 2),
                whole(as_number(each.figures.get("memory_mib"))),
            ]
            for each in entries
            if not each.absent
        ],
    )


def _workload(result: Result, entries: list[Peer], name: str) -> str:
    """Of those that took part: not every way to run does in what takes minutes. Empty without any."""
    here = [each for each in entries if not each.absent and each.run(name)]
    if not here:
        return ""
    what = latency(result, name)
    header = [
        "", f"{what or 'time'} ÷ Askwell's", "least–greatest", "all done after, s" if what else "seconds",
        "tokens/s", "first token p50, ms", "p90, ms", "last token p50, ms", "p90, ms", "perplexity",
        "output tokens",
    ]  # fmt: skip
    once = "One round, so no spread." if result.get("workloads", name, "rounds") == 1 else ""
    parts = (f"### {_heading(result, name)}", table(header, [_row(each, name) for each in here]), once)
    return "\n\n".join(filter(None, parts))


def _heading(result: Result, name: str) -> str:
    shape = result.object("workloads", name)
    told = [
        counted(round(value), noun)
        for key, noun in (
            ("requests", "request"),
            ("samples", "sample"),
            ("prompt_tokens", "prompt token"),
            ("new_tokens", "new token"),
            ("rounds", "round"),
        )
        if (value := as_number(shape.get(key))) is not None
    ]
    heading = title(name)[0].upper() + title(name)[1:]
    return f"{heading} ({', '.join(told)})" if told else heading


def _row(peer: Peer, name: str) -> list[str]:
    run = as_object(peer.run(name))
    ratio, rounds = peer.ratio(name), peer.ratios(name)
    told = "1" if peer.ours and ratio is None else number(ratio)
    first_ms, end_ms = as_object(run.get("first_ms")), as_object(run.get("end_ms"))
    first_p50 = first_ms.get("p50", run.get("first_token_ms"))
    output = whole(as_number(run.get("new_tokens")))
    return [
        peer.label,
        f"**{told}**" if ratio is not None and ratio < 1 else told,
        span(rounds, 3) if len(rounds) > 1 else NONE,
        number(median(numbers(run.get("seconds")))),
        number(as_number(run.get("tokens_per_s"))),
        *(number(as_number(value)) for value in (first_p50, first_ms.get("p90"))),
        *(number(as_number(end_ms.get(key))) for key in ("p50", "p90")),
        number(peer.perplexity),
        f"{output}, not equal" if run.get("equal_tokens") is False else output,
    ]


def _samples(entries: list[Peer]) -> Iterator[str]:
    """What each wrote, as plain text in a line."""
    for each in (entry for entry in entries if not entry.absent):
        if sample := " ".join(str(each.figures.get("sample") or "").replace("`", "'").split()):
            yield f"- {each.label}: `{sample if len(sample) <= 240 else sample[:239] + '…'}`"


def fastest(entries: list[Peer], workload: str) -> list[tuple[Peer, float]]:
    """Of each peer the variant that does this workload soonest, the order kept."""
    best: dict[str, tuple[Peer, float]] = {}
    for each in entries:
        ratio = None if each.ours or each.absent else each.ratio(workload)
        if ratio is not None and (each.name not in best or ratio < best[each.name][1]):
            best[each.name] = each, ratio
    return list(best.values())
