"""The report's charts: our questions beside the baselines and people, and whom they give away."""

from collections.abc import Callable, Mapping

from .chart import Dot, Mark, dot_chart
from .criterion import LEAST_MRR, MOST_INVENTED
from .diversity import Diversity
from .interval import Estimate
from .outcome import Outcome
from .relevance import PERCENTILE
from .rival import chance

_OURS = ("askwell", "by the model")
_HIGHER, _LOWER = "higher is better", "lower is better"


def charts(found: Outcome) -> str:
    """One figure after the other; a quantity that was not measured has none."""
    sources = found.sources()
    many = len(found.judges.pairs)
    guess = Mark("guessing", chance(many))
    invented = {name: each.invented for name, each in sources.items()}
    mrr = {name: each.mrr for name, each in sources.items()}
    single = {name: each.mrr_single for name, each in sources.items()}
    fluent = {name: mean for name, (mean, _) in found.fluency.items()}
    return "".join(
        [
            _estimates("naming what neither document names", _LOWER, invented, Mark("most", MOST_INVENTED)),
            _estimates("in form", _HIGHER, {name: each.form for name, each in sources.items()}),
            _estimates(f"MRR of the right résumé of {many}", _HIGHER, mrr, Mark("goal", LEAST_MRR), guess),
            _estimates("MRR from one question", _HIGHER, single, guess),
            _rivals(found),
            _relevant(found),
            *_diversity("", {name: each.diversity for name, each in sources.items()}),
            *_diversity(" without openings", {name: each.bare_diversity for name, each in sources.items()}),
            _estimates("nats a token under the model", "about as people's is good", fluent),
        ]
    )


def _rivals(found: Outcome) -> str:
    rivals = found.rivals()
    if rivals is None:
        return ""
    title, hint = f"MRR among {rivals.among} people of one trade", f"ours, {_HIGHER}; quotes are the ceiling"
    return _estimates(title, hint, rivals.mrr, Mark("guessing", rivals.chance))


def _relevant(found: Outcome) -> str:
    relevant = found.relevance()
    if relevant is None:
        return ""
    hint = f"share above the bank's {PERCENTILE}th percentile, {_HIGHER}"
    return _estimates("near their subject", hint, relevant.shares)


def _estimates(title: str, hint: str, values: Mapping[str, Estimate | None], *marks: Mark) -> str:
    dots = [Dot(name, each.mean, each.low, each.high, name in _OURS) for name, each in values.items() if each]
    return dot_chart(title, hint, dots, marks)


def _diversity(which: str, values: Mapping[str, Diversity | None]) -> list[str]:
    def chart(title: str, hint: str, value: Callable[[Diversity], tuple[float, float, float]]) -> str:
        dots = [Dot(name, *value(each), name in _OURS) for name, each in values.items() if each]
        return dot_chart(title + which, hint, dots)

    return [
        chart("distinct-2", _HIGHER, lambda d: (d.distinct_2, d.distinct_2_low, d.distinct_2_high)),
        chart("self-BLEU", _LOWER, lambda d: (d.self_bleu, d.self_bleu_low, d.self_bleu_high)),
    ]
