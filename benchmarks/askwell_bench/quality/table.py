"""The figures as rows of text: for the terminal, and for the page."""

from collections.abc import Mapping

from .diversity import Diversity
from .fluency import PERCENTILE
from .guarding import KINDS, ORDINARY, GuardRun
from .interval import Estimate
from .latency import latency, slowest_s
from .leak import CHANNELS
from .outcome import Outcome
from .relevance import PERCENTILE as LIMIT
from .relevance import Relevance
from .rival import RivalFigures

Row = tuple[str, ...]


def print_tables(found: Outcome) -> None:
    for title, rows in tables(found):
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        print(f"\n{title}")
        for row in rows:
            first, *rest = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("  " + "  ".join((first, *rest)).rstrip())


def tables(found: Outcome) -> list[tuple[str, list[Row]]]:
    """Title and rows, the first row the heads."""
    told = []
    if found.jobs:
        told += [
            ("Questions", _questions(found)),
            *_sources(found),
            *([("Fluency under the model", _fluency(found))] if found.fluency else []),
            *([("Relevance", _relevance(relevant))] if (relevant := found.relevance()) else []),
            *([("People of one trade", _rivals(rivals))] if (rivals := found.rivals()) else []),
            ("What a change of the documents does", _swap(found)),
            ("Seconds", _latency(found)),
        ]
        told.append(("Probes, by how the résumé relates to the job", _counts("relation", found.relations())))
        if refused := found.refused():
            told.append(("Texts of the model, by the check that refused them", _counts("check", refused)))
    if found.guard:
        told.append((f"Guard ({found.guard.guard}), blind sentences", _guard(found.guard)))
    if found.leakage.planted:
        told.append((f"Canaries: {found.leakage.planted} planted", _leaks(found)))
    return told


def _counts(head: str, counts: Mapping[str, int]) -> list[Row]:
    return [(head, "number"), *((name, str(number)) for name, number in counts.items())]


def _questions(found: Outcome) -> list[Row]:
    return [
        ("share, MRR or number", "mean [95 % interval over jobs]", "n"),
        _row("questions in a set", found.set_size()),
        _row("evidence exact, all sets", found.evidence()),
        _row("in form, all sets", found.form()),
        _row("naming what neither document names", found.invented()),
        _row("written by the model", found.model_share()),
        _row("MRR of the right résumé, whole set", found.mrr()),
        _row("MRR of the right résumé, probes alone", found.probe_mrr()),
        _row("MRR of a swapped résumé, probes alone", found.swapped_mrr()),
    ]


def _sources(found: Outcome) -> list[tuple[str, list[Row]]]:
    sources = found.sources()
    size = next((each.diversity.size for each in sources.values() if each.diversity), 0)
    heads = ("source", "n", "form", "invented", "unlawful", "MRR", "MRR of one")
    judged = [
        (
            name,
            str(each.questions),
            *map(_mean, (each.form, each.invented, each.unlawful, each.mrr, each.mrr_single)),
        )
        for name, each in sources.items()
    ]
    kinds = ("distinct-1", "distinct-2", "self-BLEU", "words")
    various = [
        (name, *_various(each.diversity), *_various(each.bare_diversity)) for name, each in sources.items()
    ]
    bare = (f"without opening: {kinds[0]}", *kinds[1:])
    return [
        ("Sources of questions", [heads, *judged]),
        (f"Diversity of {size} questions", [("source", *kinds, *bare), *various]),
    ]


def _various(each: Diversity | None) -> Row:
    if each is None:
        return ("-",) * 4
    shares = (each.distinct_1, each.distinct_2, each.self_bleu)
    return (*(f"{share:.3f}" for share in shares), f"{each.words:.1f}")


def _relevance(found: Relevance) -> list[Row]:
    heads = (f"share as near their subject as the bank's {LIMIT}th percentile", "mean [95 % interval]", "n")
    subjects = {
        "by the model": "askwell, written by the model",
        "founding prompt": "founding prompt, to the nearest of our subjects",
        "random bank": "random bank, to the nearest of our subjects",
        "control": "control: askwell, to the next question's subject",
    }
    return [
        heads,
        *(_row(subjects.get(name, name), value) for name, value in found.shares.items()),
        _row("askwell: nearer to their own subject than to any other", found.led_back),
    ]


def _rivals(found: RivalFigures) -> list[Row]:
    return [
        (f"{found.people} people, each among {found.among}", "mean [95 % interval over trades]", "n"),
        *(_row(f"MRR of the right one, from {name}", value) for name, value in found.mrr.items()),
        ("MRR of guessing", f"{found.chance:.3f}", ""),
        _row("share of probes that another of the trade is not asked in these words", found.probes_changed),
        _row("share of probes about what another of the trade is not asked about", found.subjects_changed),
    ]


def _fluency(found: Outcome) -> list[Row]:
    heads = ("source", "nats per token [95 % interval]", f"share above people's {PERCENTILE}th percentile")
    rows = [
        (name, mean.told if mean else "-", outliers.told if outliers else "-")
        for name, (mean, outliers) in found.fluency.items()
    ]
    return [heads, *rows]


def _swap(found: Outcome) -> list[Row]:
    names = {
        "probes_changed": "another résumé: share of probes that change",
        "core_kept": "another résumé: share of the given core word for word",
        "distance_again": "distance to a second run",
        "distance_twin": "distance when only name, gender or school change",
        "twin_excess": "the same beyond the second run's",
        "twin_same_plan": "share of such twins with the same plan",
        "distance_other_resume": "distance of the probes for another résumé",
        "distance_other_job": "distance for another job, same résumé",
    }
    values = found.swap()
    heads = ("change", "mean [95 % interval over jobs]", "n")
    return [heads, *(_row(told, values[name]) for name, told in names.items())]


def _latency(found: Outcome) -> list[Row]:
    names = {
        "extract_s": "ExtractFeatures, as the caller sees it",
        "plan_s": "reading, extracting and planning",
        "first_question_s": "first checked question",
        "write_s": "writing and checking",
        "all_questions_s": "all questions",
    }
    slowest, values = slowest_s(found.jobs), latency(found.jobs)
    return [
        ("stage", "mean [95 % interval over jobs]", "n", "slowest"),
        *(
            (*_row(told, values[name]), f"{slowest[name]:.3f}" if name in slowest else "-")
            for name, told in names.items()
        ),
    ]


def _guard(run: GuardRun) -> list[Row]:
    middle, late = run.milliseconds
    right = run.named_right
    return [
        ("refused", "mean [95 % interval over categories]", "n"),
        *(_row(kind.replace("_", "-"), run.refused(kind)) for kind in KINDS),
        ("for its own category", "-" if right is None else f"{right:.3f}", ""),
        ("ms a check, median and 99th of 100", f"{middle:.3f}, {late:.3f}", ""),
    ]


def guard_categories(found: Outcome) -> list[Row]:
    """Refused of how many, for each category."""
    assert found.guard is not None
    kinds = [kind for kind in KINDS if kind != ORDINARY]
    rows = [
        (category, *("/".join(map(str, row.get(kind, ()))) or "-" for kind in kinds))
        for category, row in found.guard.by_category().items()
        if category != ORDINARY
    ]
    return [("category", *kinds), *rows]


def _leaks(found: Outcome) -> list[Row]:
    leak = found.leakage
    rows = [(channel, str(leak.texts[channel]), str(leak.count(channel))) for channel in CHANNELS]
    kinds = ", ".join(f"{kind} {number}" for kind, number in leak.by_kind().items())
    return [("channel", "texts looked through", "canaries found"), *rows, ("by kind", "", kinds or "none")]


def _row(name: str, value: Estimate | None) -> Row:
    return (name, value.told if value else "not measured", str(value.count) if value else "0")


def _mean(value: Estimate | None) -> str:
    return f"{value.mean:.3f}" if value else "-"
