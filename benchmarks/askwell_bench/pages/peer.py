"""Askwell beside its peers: the same weights, prompts and output lengths, in turn."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .markdown import NONE, counted, number, span, table, text, whole
from .section import Section
from .source import Result, Results, as_number, as_object, dig, median, numbers

COMMAND = "make bench-peers && askwell-bench peers --model DIR --out benchmarks/results"
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
        """Its seconds through ours, round by round: above 1 we are faster."""
        return numbers(dig(self.run(workload), "ratio") or [])

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


def peer_section(results: Results) -> Section:
    result = results.one("peers")
    if result is None:
        return Section(COMMAND, ())
    entries = peers(result)
    parts = {
        "who": _who(entries),
        "absent": "\n".join(f"- **{each.label}**: {each.absent}" for each in entries if each.absent),
        "workloads": "\n\n".join(_workload(result, entries, name) for name in workloads(result)),
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
    header = [
        "", "time ÷ Askwell's", "least–greatest", "seconds", "tokens/s", "first token p50, ms", "p90, ms",
        "last token p50, ms", "p90, ms", "perplexity", "output tokens",
    ]  # fmt: skip
    rows = [_row(each, name) for each in entries if not each.absent]
    return "\n\n".join(part for part in (f"### {_heading(result, name)}", table(header, rows)) if part)


def _heading(result: Result, name: str) -> str:
    shape = result.object("workloads", name)
    told = [
        counted(round(value), noun)
        for key, noun in (
            ("requests", "request"),
            ("samples", "sample"),
            ("prompt_tokens", "prompt token"),
            ("new_tokens", "new token"),
        )
        if (value := as_number(shape.get(key))) is not None
    ]
    heading = title(name)[0].upper() + title(name)[1:]
    return f"{heading} ({', '.join(told)})" if told else heading


def _row(peer: Peer, name: str) -> list[str]:
    run = peer.run(name)
    if run is None:
        return [peer.label, "not measured", *[NONE] * 7, number(peer.perplexity), NONE]
    ratio, rounds = peer.ratio(name), peer.ratios(name)
    told = "1" if peer.ours and ratio is None else number(ratio)
    first_ms, end_ms = as_object(run.get("first_ms")), as_object(run.get("end_ms"))
    first_p50 = first_ms.get("p50", run.get("first_token_ms"))
    output = whole(as_number(run.get("new_tokens")))
    return [
        peer.label,
        f"**{told}**" if ratio is not None and ratio < 1 else told,
        span(rounds, 3),
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
        ratio = None if each.ours else each.ratio(workload)
        if ratio is not None and (each.name not in best or ratio < best[each.name][1]):
            best[each.name] = each, ratio
    return list(best.values())
