"""Who is admitted: pure predictions, without an engine."""

import math

import pytest
from askwell_server.engine.admission import Forecast, wait_s
from askwell_server.engine.correction import Correction
from askwell_server.engine.cost import CostModel
from askwell_server.engine.planner import Limits
from askwell_server.engine.row import Options, Row

COST = CostModel(0.01, 0.0004, 0.0, 0.008, 0.0004, 0.00003)
LIMITS = Limits(rows=16, tokens=8192)


def row(prompt: int = 200, new: int = 40, **more: object) -> Row:
    return Row((1,) * prompt, Options(), new, **more)  # type: ignore[arg-type]


def test_work_fills_the_lanes_like_water() -> None:
    assert wait_s([], [], lanes=2) == 0
    assert wait_s([], [3.0], lanes=2) == 0  # the other lane is free
    assert wait_s([], [3.0, 1.0], lanes=2) == 1
    assert wait_s([2.0], [3.0, 1.0], lanes=2) == 3  # the lane that is free first takes it all
    assert wait_s([2.0, 2.0], [3.0, 1.0], lanes=2) == 4  # and then both share
    assert wait_s([1.0], [], lanes=0) == math.inf


def test_share_of_a_row_is_its_part_of_a_full_batch_not_its_time_alone() -> None:
    forecast = Forecast()
    alone_s = COST.batch_s([(200, 40)])
    share_s = forecast.share_s(row(), COST, LIMITS)
    assert share_s == pytest.approx(COST.batch_s([(200, 40)] * 8) / 8) and share_s < 0.7 * alone_s
    assert forecast.share_s(row(), COST, Limits(rows=1, tokens=8192)) == pytest.approx(alone_s)
    beams = Row((1,) * 200, Options(num_beams=4), 40)
    assert forecast.share_s(beams, COST, LIMITS) == pytest.approx(COST.batch_s([(200, 40)] * 4))


def test_forecast_learns_how_much_rows_write_and_what_they_take() -> None:
    forecast = Forecast()
    before_s = forecast.share_s(row(), COST, LIMITS)
    for _ in range(200):
        forecast.learn_row(row(), new_tokens=10, predicted_s=None, taken_s=1.0)
    shorter_s = forecast.share_s(row(), COST, LIMITS)
    assert shorter_s == pytest.approx(COST.batch_s([(200, 10)] * 8) / 8, rel=0.1)
    assert forecast.share_s(row(min_new_tokens=40), COST, LIMITS) == pytest.approx(before_s)
    for _ in range(200):  # batches take half of what their rows' shares say, as shared prefixes make them
        forecast.learn_batch(8 * forecast.share_s(row(), COST, LIMITS), 8 * shorter_s / 2)
    assert forecast.share_s(row(), COST, LIMITS) == pytest.approx(shorter_s / 2, rel=0.05)


def test_margin_is_what_nearly_all_predictions_would_have_needed() -> None:
    forecast = Forecast()
    first = forecast.margin
    for shortfall in [0.9] * 97 + [1.6] * 3:
        forecast.learn_row(row(), 40, predicted_s=2.0, taken_s=2.0 * shortfall)
    assert first > 1 and forecast.margin == pytest.approx(1.6)
    for _ in range(256):
        forecast.learn_row(row(), 40, predicted_s=2.0, taken_s=1.0)
    assert forecast.margin == 1.0  # never below the prediction itself


def test_cost_follows_what_batches_take_prefill_and_steps_apart() -> None:
    correction = Correction(COST)
    assert correction.error is None
    for _ in range(100):
        prefill_s, step_s = correction.cost.prefill_s(4, 100), correction.cost.step_s(4, 100)
        correction.observe((prefill_s, 2 * COST.prefill_s(4, 100)), (step_s, COST.step_s(4, 100) / 2))
    assert correction.cost.prefill_s(8, 300) == pytest.approx(2 * COST.prefill_s(8, 300), rel=0.01)
    assert correction.cost.step_s(8, 300) == pytest.approx(COST.step_s(8, 300) / 2, rel=0.01)
    assert correction.error is not None and correction.error < 0.05
    correction.observe((1.0, 0.0), (0.0, 1.0))  # tells nothing
    assert correction.cost.step_s(8, 300) == pytest.approx(COST.step_s(8, 300) / 2, rel=0.01)
