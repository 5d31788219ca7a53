"""The questions' section of docs/performance.md, from a made-up result."""

from typing import Any

from askwell_bench.pages.quality import quality_section
from askwell_bench.pages.source import Result, Results
from askwell_bench.pages.verdict import verdict_table, verdicts_of


def mean(value: float) -> dict[str, float]:
    return {"mean": value, "low": value - 0.1, "high": value + 0.1}


class Folder(Results):
    """Of one result, quality.json."""

    def __init__(self, **figures: Any) -> None:
        self.all = [Result("quality", figures)]


def test_what_did_not_hold_stands_out() -> None:
    verdicts = [
        {"criterion": "form", "found": "100 %", "held": True},
        {"criterion": "invented", "found": "3 %", "held": False},
        {"criterion": "leaks", "found": "not measured", "held": None},
    ]
    lines = verdict_table(verdicts_of(Result("quality", {"verdicts": verdicts}))).splitlines()[2:]
    assert [line.count("**") for line in lines] == [0, 2, 2]
    assert lines[1] == "| invented | 3 % | **Did not hold** |"


def test_sources_stand_side_by_side_and_what_people_lack_is_a_dash() -> None:
    various = {"distinct_2": 0.5, "self_bleu": 0.4}
    ours = {
        "questions": 168,
        "form": mean(1.0),
        "mrr": mean(0.9),
        "diversity": various,
        "bare_diversity": various,
    }
    people = {"questions": 1165, "form": mean(0.9), "mrr": None, "diversity": various, "bare_diversity": None}
    told = quality_section(
        Folder(sources={"askwell": ours, "people": people}, relevance={"shares": {"askwell": mean(0.8)}})
    )["sources"]
    head, _, first, second = told.splitlines()
    assert head.count("|") == first.count("|") == 10
    assert first == "| askwell | 168 | 100.0 % | 0.90 | 80.0 % | 0.500 | 0.500 | 0.400 | 0.400 |"
    assert second == "| people | 1,165 | 90.0 % | – | – | 0.500 | – | 0.400 | – |"


def test_people_of_one_trade_stand_beside_guessing_and_are_left_out_where_there_are_none() -> None:
    rivals = {"mrr": {"probes by words": mean(0.54)}, "chance": 0.4567, "probes_changed": mean(0.92)}
    told = quality_section(Folder(mrr_rivals=rivals))
    assert "| MRR, probes by words | 0.54 | 0.44 to 0.64 |" in told["rivals"]
    assert told["rivals"].endswith("| MRR of guessing | 0.46 |  |")
    assert not quality_section(Folder(mrr_rivals=None)).has("rivals")
