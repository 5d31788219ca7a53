"""Verdicts on rounds whose answers are known, and the files that cannot be compared."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from askwell_bench.command import main
from askwell_bench.compare.judge import Judgement, judge
from askwell_bench.result import Measure

LIMIT = 1.05


def verdict(
    first: list[float],
    second: list[float],
    *,
    better: Any = "lower",
    relative: bool = False,
    turns: bool = True,
) -> Judgement:
    a, b = (Measure("m", "s", better, tuple(values), relative) for values in (first, second))
    return judge(a, b, took_turns=turns, limit=LIMIT)


def test_interval_of_pairs_is_students_t_on_the_log_ratios() -> None:
    # Log ratios 0.1, 0.2, 0.3: mean 0.2, standard error 0.1 / sqrt(3), and t(0.975, 2) is 4.302653.
    first = [1.0, 10.0, 100.0]
    second = [value * math.exp(log) for value, log in zip(first, (0.1, 0.2, 0.3), strict=True)]
    found = verdict(first, second)
    half = 4.302653 * 0.1 / math.sqrt(3)
    assert found.change == pytest.approx(math.exp(0.2))
    assert found.interval == pytest.approx((math.exp(0.2 - half), math.exp(0.2 + half)))
    assert (found.first, found.second) == pytest.approx((10.0, 10.0 * math.exp(0.2)))


def test_pairing_sees_a_loss_that_the_machines_moods_would_hide() -> None:
    first, second = [1.0, 5.0, 2.0, 9.0], [1.1, 5.5, 2.21, 9.9]
    assert verdict(first, second).verdict == "worse"
    assert verdict(first, second, turns=False, relative=True).verdict == "unclear"  # Welch's


def test_interval_of_relative_measures_of_two_runs_is_welchs() -> None:
    # Logs 0, 1 and 2 against 0: means 1 and 0, one variance of 1 / 3, two degrees of freedom.
    found = verdict([1.0, 1.0, 1.0], [1.0, math.e, math.e**2], relative=True, turns=False)
    half = 4.302653 / math.sqrt(3)
    assert found.interval == pytest.approx((math.exp(1 - half), math.exp(1 + half)))


@pytest.mark.parametrize(
    ("second", "lower_is_better", "higher_is_better"),
    [
        ([1.10, 1.11, 1.12, 1.11], "worse", "better"),
        ([0.90, 0.89, 0.91, 0.90], "better", "worse"),
        ([1.03, 1.031, 1.029, 1.03], "held", "better"),  # a sure loss of 3 % is let pass
        ([1.10, 0.95, 1.30, 1.02], "unclear", "unclear"),  # 8 % by the estimate, and it may be noise
        ([1.00, 1.01, 0.99, 1.00], "held", "held"),
        ([1.00, 1.00, 1.00, 1.00], "held", "held"),  # no spread at all
        ([2.00, 2.00, 2.00, 2.00], "worse", "better"),
    ],
)
def test_worse_takes_an_estimate_beyond_the_limit_and_an_interval_without_1(
    second: list[float], lower_is_better: str, higher_is_better: str
) -> None:
    assert verdict([1.0] * 4, second).verdict == lower_is_better
    assert verdict([1.0] * 4, second, better="higher").verdict == higher_is_better


def test_goodput_of_nothing_is_judged_by_its_difference() -> None:
    lost = verdict([2.0, 2.1, 1.9], [0.0, 0.0, 0.0], better="higher")
    assert (lost.kind, lost.verdict) == ("difference", "worse")
    assert lost.change == pytest.approx(-2.0)
    assert verdict([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], better="higher").verdict == "held"


def test_what_cannot_be_judged_is_shown_with_the_reason() -> None:
    added_ms = verdict([-1.0, 0.5, 2.0], [1.0, 2.5, 4.0])
    assert (added_ms.kind, added_ms.change, added_ms.interval) == ("difference", 2.0, (2.0, 2.0))
    assert added_ms.verdict is None and "below 0" in str(added_ms.unjudged)
    two_days = verdict([1.0, 1.0, 1.0], [9.0, 9.0, 9.0], turns=False)
    assert two_days.verdict is None and "not paired" in str(two_days.unjudged)
    assert two_days.change == pytest.approx(9.0) and two_days.interval is None
    assert "too few rounds" in str(verdict([1.0, 1.0], [9.0, 9.0]).unjudged)
    assert "not paired" in str(verdict([1.0, 1.0, 1.0], [9.0, 9.0, 9.0, 9.0]).unjudged)


def result(values: list[float], **told: Any) -> dict[str, Any]:
    measures = {"ratio": {"unit": "ratio", "better": "higher", "values": values, "relative": True}}
    known = {"benchmark": "overhead", "cpu": "A", "model": {"name": "m", "sha256": "1"}, "measures": measures}
    return {**known, **told}


@pytest.fixture
def compare(tmp_path: Path) -> Any:
    def run(first: Any, second: Any, *flags: str) -> int:
        for name, told in (("a", first), ("b", second)):
            text = told if isinstance(told, str) else json.dumps(told)
            (tmp_path / f"{name}.json").write_text(text)
        return main(["compare", str(tmp_path / "a.json"), str(tmp_path / "b.json"), *flags])

    return run


def test_exit_code_says_whether_the_second_is_worse(compare: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(result([0.9, 0.91, 0.9]), result([0.9, 0.91, 0.9])) == 0
    assert compare(result([0.9, 0.91, 0.9]), result([0.7, 0.71, 0.7])) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["worse"] == ["ratio"]
    assert compare(result([0.9, 0.91, 0.9]), result([0.7, 0.71, 0.7]), "--ratio", "1.5") == 0
    assert compare(result([0.9, 0.91, 0.9]), result([0.7, 0.71])) == 2
    assert capsys.readouterr().err == "askwell-bench: nothing could be judged; the last column says why\n"


def test_other_machine_versions_and_weights_are_told(
    compare: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    other = result(
        [0.9, 0.9, 0.9],
        cpu="B",
        versions={"x": "2", "y": "1"},
        model={"name": "m", "sha256": "2"},
        partial=True,
    )
    assert compare(result([0.9, 0.9, 0.9], versions={"x": "1", "y": "1"}), other) == 0
    out = capsys.readouterr().out
    for told in (
        "not the same cpu: A against B", "not the same versions: x 1 against x 2",
        "not the same model sha256: 1 against 2", "b.json is partial: it ended early",
        "load --against is what justifies a verdict",
    ):  # fmt: skip
        assert told in out


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "is no result of askwell-bench"),
        ({"benchmark": "overhead"}, "holds no measures"),
        (result([0.9, 0.9, 0.9], benchmark="load"), "cannot compare overhead with load"),
        (result([0.9, 0.9, 0.9], model={"name": "n"}), "different models: m and n"),
        (result([0.9, None, 0.9]), "its measure ratio is not a list of numbers"),  # type: ignore[list-item]
        (result([]), "its measure ratio is not a list of numbers"),
        (result([0.9, math.inf, 0.9]), "its measure ratio is not a list of numbers"),
    ],
)
def test_files_that_cannot_be_compared_are_one_line(
    compare: Any, second: Any, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(result([0.9, 0.9, 0.9]), second) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
