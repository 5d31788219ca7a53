"""The statistics of a certificate, against plain sums; and what a certificate lets pass."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from askwell_convert.certificate import BLOCK_POSITIONS, Divergence, Figures
from askwell_manifest import Certificate, Thresholds
from certificates import CERTIFICATE

POSITIONS, VOCABULARY = 3 * BLOCK_POSITIONS + 5, 50


def logits(seed: int, noise: float = 0.0) -> Any:
    base = np.random.default_rng(7).normal(0, 2, (POSITIONS, VOCABULARY))
    return (base + noise * np.random.default_rng(seed).normal(0, 1, base.shape)).astype(np.float32)


FOLLOWING = [int(i) for i in np.random.default_rng(1).integers(0, VOCABULARY, POSITIONS)]


def figures(expected: Any, got: Any) -> Figures:
    divergence = Divergence()
    for part in (slice(0, 200), slice(200, None)):  # windows end in the middle of blocks
        divergence.add(expected[part], got[part], FOLLOWING[part])
    return divergence.figures()


def test_figures_are_those_of_plain_sums() -> None:
    expected, got = logits(1), logits(2, noise=0.5)
    found = figures(expected, got)
    p, q = (np.exp(each.astype(np.float64)) for each in (expected, got))
    p, q = p / p.sum(1, keepdims=True), q / q.sum(1, keepdims=True)
    rows = np.arange(POSITIONS)
    perplexity = [float(np.exp(-np.log(each[rows, FOLLOWING]).mean())) for each in (p, q)]
    fives = [[set(row) for row in np.argsort(each, axis=1)[:, -5:]] for each in (p, q)]
    assert found.tokens == POSITIONS
    assert found.perplexity_reference == pytest.approx(perplexity[0], rel=1e-4)
    assert found.perplexity == pytest.approx(perplexity[1], rel=1e-4)
    assert found.perplexity_ratio.value == pytest.approx(perplexity[1] / perplexity[0], rel=1e-4)
    assert found.mean_kl.value == pytest.approx(float((p * np.log(p / q)).sum(1).mean()), rel=1e-3)
    assert found.same_top1.value == pytest.approx((p.argmax(1) == q.argmax(1)).mean(), abs=1e-5)
    shared = np.mean([len(a & b) / 5 for a, b in zip(*fives, strict=True)])
    assert found.same_top5.value == pytest.approx(shared, abs=1e-5)
    assert found.largest_deviation == pytest.approx(np.abs(p - q).max(), abs=1e-4)


def test_a_model_is_its_own_equal() -> None:
    found = figures(logits(1), logits(1))
    assert found.perplexity_ratio == (1.0, (1.0, 1.0))
    assert found.mean_kl == (0.0, (0.0, 0.0))
    assert (found.same_top1.value, found.same_top5.value, found.largest_deviation) == (1.0, 1.0, 0.0)


def test_logits_and_log_probabilities_are_the_same_thing() -> None:
    expected, got = logits(1), logits(2, noise=0.5)
    normalised = got - np.log(np.exp(got).sum(1, keepdims=True))
    one, other = figures(expected, got), figures(expected, normalised)
    assert other.mean_kl.value == pytest.approx(one.mean_kl.value, abs=2e-5)


def test_intervals_hold_the_figure_and_narrow_with_the_text() -> None:
    expected, got = logits(1), logits(2, noise=0.5)
    once, often = Divergence(), Divergence()
    once.add(expected, got, FOLLOWING)
    for _ in range(16):
        often.add(expected, got, FOLLOWING)
    for name in ("perplexity_ratio", "mean_kl", "same_top1", "same_top5"):
        estimate, narrow = (getattr(each.figures(), name) for each in (once, often))
        assert estimate.interval[0] < estimate.value < estimate.interval[1]
        width, narrow_width = (each.interval[1] - each.interval[0] for each in (estimate, narrow))
        assert narrow_width < width / 2


def test_values_that_are_no_numbers_are_refused() -> None:
    spoilt = logits(2)
    spoilt[3, 4] = np.nan
    with pytest.raises(ValueError, match="no numbers"):
        Divergence().add(logits(1), spoilt, FOLLOWING)


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({}, None),
        ({"perplexity_ratio": 1.0501}, "perplexity ratio is 1.0501, above 1.05"),
        ({"perplexity_ratio": float("nan")}, "perplexity ratio is nan"),
        ({"same_top1": 0.8499}, "same likeliest token in 0.8499, below 0.85"),
    ],
)
def test_thresholds_decide(change: dict[str, float], failure: str | None) -> None:
    found = replace(CERTIFICATE, **change).failures(Thresholds())  # type: ignore[arg-type]
    assert not found if failure is None else failure in found[0]


@pytest.mark.parametrize(
    "spoilt",
    [
        {"tokens": "5"},
        {"tokens": -5},
        {"saturates": 1},
        {"mean_kl_interval": [0.1]},
        {"mean_kl_interval": 3},
        {"unknown": 1},
    ],
)
def test_a_spoilt_certificate_is_refused(spoilt: dict[str, Any]) -> None:
    names = Certificate.__slots__
    data = {name: getattr(CERTIFICATE, name) for name in names} | spoilt
    with pytest.raises(TypeError):
        Certificate.from_mapping(data)
