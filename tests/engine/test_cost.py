"""The cost model: its formula, its file, and what the planner makes of it."""

import json

import pytest
from askwell_server.engine.cost import DEFAULT_COST, CostModel, read_cost_model
from askwell_server.engine.planner import Limits, plan
from askwell_server.engine.row import Options, Row

MODEL = CostModel(0.01, 0.001, 1e-6, 0.02, 0.004, 5e-5)
LIMITS = Limits(rows=16, tokens=1 << 20)


def row(length: int, start: int) -> Row:
    return Row(tuple(range(start, start + length)), Options(temperature=0.0), 32)


def test_formula_counts_a_shared_prefix_once_and_attention_to_it_in_every_row():
    assert MODEL.prefill_s(4, 100) == pytest.approx(0.01 + 0.4 + 0.04)
    assert MODEL.prefill_s(4, 100, prefix=60) == pytest.approx(
        2 * 0.01 + 0.001 * (60 + 4 * 40) + 1e-6 * (60**2 + 4 * (100**2 - 60**2))
    )
    assert MODEL.step_s(8, 300) == pytest.approx(0.02 + 0.032 + 0.12)


def test_what_is_cached_costs_no_prefill_but_attention_to_it():
    assert MODEL.prefill_s(4, 100, prefix=60, cached=True) == pytest.approx(
        0.01 + 0.001 * 4 * 40 + 1e-6 * 4 * (100**2 - 60**2)
    )


def test_rows_end_one_after_the_other_and_leave_later_steps_cheaper():
    """Step by step: three rows, the second with ten tokens forced, the third ending first."""
    clock_s, ends_s, shapes = MODEL.prefill_s(3, 50), {}, [(50, 30), (60, 40), (50, 7)]
    for step in range(50):
        live = [i for i, (length, new) in enumerate(shapes) if step < length - 50 + new]
        clock_s += MODEL.step_s(len(live), 50 + step + 0.5)
        ends_s |= dict.fromkeys(live, clock_s)
    assert MODEL.ends_s(shapes) == pytest.approx([ends_s[0], ends_s[1], ends_s[2]])
    assert MODEL.batch_s(shapes) == pytest.approx(clock_s)


def test_scaled_model_scales_prefill_and_step_apart():
    scaled = MODEL.scaled(2.0, 3.0)
    assert scaled.prefill_s(4, 100, 60) == pytest.approx(2 * MODEL.prefill_s(4, 100, 60))
    assert scaled.step_s(8, 300) == pytest.approx(3 * MODEL.step_s(8, 300))


def test_file_gives_back_the_model_that_was_written(tmp_path):
    (tmp_path / "cost.json").write_text(MODEL.to_json())
    assert read_cost_model(tmp_path / "cost.json") == MODEL


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"step_row_s": None}, "step_row_s must be seconds"),
        ({"step_row_s": -1}, "step_row_s must be seconds"),
        ({"step_row_s": True}, "step_row_s must be seconds"),
        ({"step_row_s": float("nan")}, "step_row_s must be seconds"),
        ({"step_row_s": 10**400}, "step_row_s must be seconds"),
        ({"threads": 2}, "unknown coefficient 'threads'"),
        ({"step_call_s": 0, "step_row_s": 0, "step_cached_s": 0}, "a step costs nothing"),
    ],
)
def test_broken_file_is_refused_in_one_line(tmp_path, change, told):
    file = tmp_path / "cost.json"
    file.write_text(json.dumps(json.loads(MODEL.to_json()) | change))
    with pytest.raises(ValueError, match=told) as caught:
        read_cost_model(file)
    assert "\n" not in str(caught.value) and "askwell-bench engine --save" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_what_is_no_cost_model_at_all_is_refused_too(tmp_path, content):
    (tmp_path / "cost.json").write_bytes(content)
    with pytest.raises(ValueError, match="no cost model"):
        read_cost_model(tmp_path / "cost.json")
    with pytest.raises(ValueError, match="cannot read"):
        read_cost_model(tmp_path)


def test_planner_follows_the_model_it_is_given():
    waiting = [row(20, 0), row(60, 1000)]  # together the second has 40 tokens forced, a step each
    steps_dear = CostModel(0.0, 1e-6, 0.0, 1.0, 0.0, 0.0)
    calls_dear = CostModel(1.0, 1e-6, 0.0, 1e-6, 0.0, 0.0)
    assert plan(waiting, LIMITS, steps_dear).indices == (0,)
    assert plan(waiting, LIMITS, calls_dear).indices == (0, 1)


def test_default_chooses_as_its_two_constants_did():
    """A quarter of a row's step for a token, four for the step itself, to the last bit."""
    for rows, length, prefix, steps in [(1, 7, 0, 3), (3, 50, 17, 33), (7, 401, 399, 97), (16, 333, 0, 256)]:
        cost_s = DEFAULT_COST.prefill_s(rows, length, prefix) + steps * DEFAULT_COST.step_s(rows, length)
        units = 0.25 * (prefix + rows * (length - prefix)) + steps * (4.0 + rows)
        assert cost_s / rows == units / 256 / rows


def test_beams_cost_steps_of_as_many_rows_and_one_prefill() -> None:
    beams = DEFAULT_COST.with_beams(4)
    assert beams.step_s(2, 100) == DEFAULT_COST.step_s(8, 100)
    assert beams.prefill_s(2, 100) == DEFAULT_COST.prefill_s(2, 100)
