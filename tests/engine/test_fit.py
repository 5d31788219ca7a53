"""The cost model from measured batches."""

import random
from dataclasses import astuple, replace

import pytest
from askwell_server.engine.cost import CostModel
from askwell_server.engine.fit import Sample, fit_cost
from askwell_server.engine.warm import Shape

COST = CostModel(0.008, 0.0004, 8e-7, 0.009, 0.0004, 3e-5)
SHAPES = [Shape(1, 16), Shape(8, 32), Shape(8, 128, 120), Shape(1, 256)]


def samples(cost: CostModel, shapes: list[Shape], noise: float = 0.0, seed: int = 1) -> list[Sample]:
    random.seed(seed)
    made = [Sample(price, price(cost)) for shape in shapes for price in (shape.first_s, shape.later_s)]
    return [Sample(one.price, one.seconds * random.uniform(1 - noise, 1 + noise)) for one in made]


def test_the_coefficients_that_made_the_samples_are_found():
    fitted = fit_cost(samples(COST, SHAPES))
    for shape in [Shape(4, 700, 300), Shape(16, 50)]:
        assert shape.seconds(fitted) == pytest.approx(shape.seconds(COST), rel=1e-3)


def test_no_coefficient_is_negative_however_noisy_the_samples():
    fitted = fit_cost(samples(COST, SHAPES, noise=0.5))
    assert min(astuple(fitted)) >= 0 and fitted.step_s(1, 1) > 0
    falling = [Sample(shape.first_s, 1 / shape.length) for shape in SHAPES]
    assert min(astuple(fit_cost(falling))) >= 0


@pytest.mark.parametrize("seed", range(6))
def test_what_grows_with_long_prompts_is_not_read_from_noise(seed):
    """It decides about prompts longer than any that was measured: a little noise would be far off there."""
    flat = replace(COST, prefill_pair_s=0.0, step_cached_s=0.0)
    fitted = fit_cost(samples(flat, SHAPES * 2, noise=0.005, seed=seed))
    assert fitted.step_cached_s == fitted.prefill_pair_s == 0
    assert Shape(4, 2000).seconds(fitted) == pytest.approx(Shape(4, 2000).seconds(flat), rel=0.03)


def test_a_step_that_took_no_time_by_the_clock_is_passed_over():
    assert fit_cost([*samples(COST, SHAPES), Sample(SHAPES[0].first_s, 0.0)]) == fit_cost(
        samples(COST, SHAPES)
    )
