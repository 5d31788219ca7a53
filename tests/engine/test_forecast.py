"""When rows would end: pure predictions, without an engine."""

import math

import pytest
from askwell_server.engine.correction import Correction
from askwell_server.engine.cost import CostModel
from askwell_server.engine.forecast import Forecast, wait_s
from askwell_server.engine.planner import Limits
from askwell_server.engine.row import Options, Priority, Row

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
    assert forecast.share_s(beams, COST, LIMITS) > 2 * share_s


def test_rows_are_expected_to_write_as_others_that_might_write_as_much_did() -> None:
    forecast = Forecast()
    for _ in range(200):
        forecast.learn_row(row(new=1000), new_tokens=50)
    assert forecast.expect(row(new=1000)) == pytest.approx(50, abs=2)
    assert forecast.expect(row(new=40)) == 40  # of those nothing is known
    assert forecast.expect(row(new=1000, min_new_tokens=900)) == 900
    assert forecast.expect(Row((1, 2), Options(num_beams=2), 1000)) == 1000


def test_pace_is_what_shares_really_take_while_others_wait() -> None:
    forecast = Forecast()
    for _ in range(200):  # batches take half of what their rows' shares say, as shared prefixes make them
        forecast.learn_batch(8.0, 4.0)
    assert forecast.paced(3.0) == pytest.approx(1.5, rel=0.01)


def test_margin_is_what_nearly_all_predictions_of_a_priority_would_have_needed() -> None:
    forecast = Forecast()
    first = forecast.margin(Priority.NORMAL)
    for shortfall in [0.9] * 97 + [1.6] * 3:
        forecast.learn_end(Priority.NORMAL, 2.0, 2.0 * shortfall)
    assert first > 1 and forecast.margin(Priority.NORMAL) == pytest.approx(1.6)
    assert forecast.margin(Priority.INTERACTIVE) == first
    for _ in range(256):
        forecast.learn_end(Priority.NORMAL, 2.0, 1.0)
    assert forecast.margin(Priority.NORMAL) == 1.0  # never below the prediction itself


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
