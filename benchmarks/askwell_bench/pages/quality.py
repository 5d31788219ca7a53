"""Whether the questions are worth asking: the verdicts, and ours beside the baselines and people."""

from collections.abc import Mapping
from typing import Any

from .markdown import NONE, number, table, whole
from .section import Section
from .source import Result, Results, as_number, as_object, dig
from .verdict import verdict_table, verdicts_of

COMMAND = "askwell-bench quality --model DIR --encoder DIR --people FILE --html FILE --out benchmarks/results"


def quality_section(results: Results) -> Section:
    result = results.one("quality")
    if result is None:
        return Section(COMMAND, ())
    parts = {
        "verdicts": verdict_table(verdicts_of(result)),
        "sources": _sources(result),
        "rivals": _rivals(result),
    }
    return Section(COMMAND, (result,), parts)


def _sources(result: Result) -> str:
    header = [
        "", "questions", "in form", "naming what neither document names", "refused by the guard",
        "MRR of the right résumé", "from one question", "as near their subject as the bank's", "nats a token",
        "distinct-2", "without openings", "self-BLEU", "without openings",
    ]  # fmt: skip
    rows = [
        [
            name,
            whole(as_number(each.get("questions"))),
            *(_percent(_mean(each, key)) for key in ("form", "invented", "unlawful")),
            *(number(_mean(each, key), 2) for key in ("mrr", "mrr_single")),
            _percent(result.number("relevance", "shares", name, "mean")),
            number(result.number("fluency", name, "nll", "mean")),
            *(
                number(as_number(dig(each, which, key)))
                for key in ("distinct_2", "self_bleu")
                for which in ("diversity", "bare_diversity")
            ),
        ]
        for name, each in result.object("sources").items()
    ]
    return table(header, rows)


def _rivals(result: Result) -> str:
    """MRR and its interval over trades."""
    rows = [
        [f"MRR, {name}", number(_mean(result.object("mrr_rivals", "mrr"), name), 2), _interval(each)]
        for name, each in result.object("mrr_rivals", "mrr").items()
    ]
    changes = {
        "probes_changed": "probes that another is not asked in these words",
        "subjects_changed": "probes about what another is not asked about",
    }
    for key, told in changes.items():
        if changed := result.object("mrr_rivals", key):
            rows.append([told, number(as_number(changed.get("mean")), 2), _interval(changed)])
    if rows:
        rows.append(["MRR of guessing", number(result.number("mrr_rivals", "chance"), 2), ""])
    return table(["", "mean", "95%"], rows)


def _percent(share: float | None) -> str:
    """To the tenth: a goal stands at 1 %."""
    return NONE if share is None else f"{100 * share:.1f} %"


def _mean(figures: Mapping[str, Any], key: str) -> float | None:
    return as_number(dig(figures, key, "mean"))


def _interval(figures: Any) -> str:
    bounds = [number(as_number(as_object(figures).get(key)), 2) for key in ("low", "high")]
    return " to ".join(bounds)
