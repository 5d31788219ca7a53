"""The engine's benchmark: counting, repeating and fitting by themselves, and whole runs on the tiny model."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from askwell_bench.command import main
from askwell_bench.engine import command, grid, setting
from askwell_bench.engine.case import Case, Timing
from askwell_bench.engine.fit import Point, error_figures, fit_cost, relative_errors
from askwell_bench.engine.repeat import repeat
from askwell_bench.engine.subject import Engine, Subject
from askwell_bench.engine.weights import step_traffic
from askwell_manifest import MANIFEST_NAME, file_record, read_manifest
from askwell_server.engine.cost import CostModel, read_cost_model
from askwell_server.engine.spawn import ENGINE_ENV
from tiny_model import make_tiny_model

COST = CostModel(0.01, 0.001, 1e-6, 0.02, 0.004, 5e-5)
SHAPES = [(rows, size) for rows in (1, 4, 8) for size in (32, 128, 512)]
PREFILLS = [Point(rows, size, COST.prefill_s(rows, size)) for rows, size in SHAPES]
STEPS = [Point(rows, size, COST.step_s(rows, size)) for rows, size in SHAPES]
TINY = replace(
    grid.SHORT,
    prefill=((1, 16), (1, 64), (4, 64), (1, 9999)),
    step=((1, 16), (4, 16), (1, 64), (4, 64)),
    prefixes=(64, 9999),
    rounds=2,
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    manifest = replace(read_manifest(folder), files={"model.bin": file_record(folder / "model.bin")})
    (folder / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
    return folder


def test_fit_finds_the_coefficients_that_made_the_points():
    fitted = fit_cost(PREFILLS, STEPS)
    assert fitted.prefill_pair_s == pytest.approx(COST.prefill_pair_s)
    assert fitted.step_row_s == pytest.approx(COST.step_row_s)
    assert max(relative_errors(fitted, PREFILLS, STEPS)) < 1e-9


def test_fit_weighs_short_and_long_alike_and_never_goes_below_nothing():
    slower = [
        replace(point, seconds=point.seconds * (1.1 if i % 2 else 0.9)) for i, point in enumerate(STEPS)
    ]
    fitted = fit_cost(PREFILLS, slower)
    assert error_figures(relative_errors(fitted, [], slower))["p90_error"] < 0.2
    falling = [Point(rows, size, 1 / (rows * size)) for rows, size in SHAPES]
    assert min(fit_cost(falling, falling).step_row_s, fit_cost(falling, falling).prefill_pair_s) >= 0


def test_too_few_points_make_no_cost_model():
    with pytest.raises(ValueError, match="needs 3 prefills"):
        fit_cost(PREFILLS[:2], STEPS)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def measure(self, point: int) -> int:
        """A point takes as many seconds as it says."""
        self.now += point
        return point

    def __call__(self) -> float:
        return self.now


def test_rounds_end_before_the_budget_would():
    clock = Clock()
    found = repeat("x", (1, 2), clock.measure, budget_s=10, rounds=99, clock=clock)
    assert found.values == {1: [1, 1, 1], 2: [2, 2, 2]} and not found.left_out


def test_dear_points_are_left_out_but_the_least_are_measured():
    clock = Clock()
    found = repeat("x", (20, 30, 40), clock.measure, budget_s=10, rounds=9, least=2, clock=clock)
    assert list(found.values) == [20, 30] and found.left_out == [40]
    expected = repeat("x", (20, 30), clock.measure, budget_s=10, rounds=9, clock=clock, expected_s=float)
    assert list(expected.values) == [20] and expected.left_out == [30]


def test_what_was_measured_before_it_broke_stands():
    def breaks(point: int) -> int:
        if point == 2:
            raise RuntimeError("gone")
        return point

    found = repeat("x", (1, 2, 3), breaks, budget_s=10, rounds=9)
    assert found.values == {1: [1]} and str(found.stopped) == "gone"


def test_prefill_is_what_the_first_step_takes_longer():
    assert Timing(1.5, (0.4, 0.5, 9.0)).prefill_s == 1.0


def test_step_reads_every_weight_but_the_table_of_untied_embeddings(tiny: Path):
    width, vocabulary, layers = 32, 320, 2
    layer = (
        4 * width * width + 2 * width + 8 * width * width + 5 * width
    )  # attention, norm, feed-forward, biases
    values = layers * layer + 2 * width + vocabulary * width + vocabulary
    traffic = step_traffic(tiny / "model.bin", "float32")
    assert 0 <= traffic.step_bytes - 4 * values < 200  # and a few scalars
    assert traffic.cache_bytes == layers * 2 * width * 4
    assert step_traffic(tiny / "model.bin", "float16").step_bytes == traffic.step_bytes // 2


def test_forced_tokens_take_a_step_each(tiny: Path):
    with Subject(Engine(tiny, "cpu", "auto", threads=1)) as subject:
        assert subject.compute_type == "float32"
        ragged = subject.run(Case((8, 11, 14), steps=7))
        assert len(ragged.steps_s) == 6
        with pytest.raises(RuntimeError, match="sampling_topk option"):
            subject.run(Case((8,), steps=2, top_k=10**6))


def test_settings_under_test_reach_the_engine_and_no_other_does(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    plain = Engine(Path("m"), "cpu", "auto", 1)
    assert ENGINE_ENV.items() <= plain.variables.items() and "OMP_WAIT_POLICY" not in plain.variables
    bare = replace(plain, environment={})
    assert not ENGINE_ENV.keys() & bare.variables.keys()


def test_whole_run_leaves_a_result_a_cost_model_and_a_plot(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "SHORT", TINY)
    monkeypatch.setattr(command, "read_gb_per_s", lambda threads: 10.0)
    monkeypatch.setattr(setting, "cores", lambda: 2)
    arguments = ["engine", "--model", str(tiny), "--short", "--out", str(tmp_path)]
    assert main([*arguments, "--save", str(tmp_path / "cost.json")]) == 0
    told: dict[str, Any] = json.loads((tmp_path / "engine.json").read_text())
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == told
    assert not told["partial"] and not told["left_out"]
    assert [row["tokens"] for row in told["prefill"]] == [16, 64, 64]  # 9999 are beyond its positions
    assert len(told["step"]) == 4 and all(row["roofline_share"] > 0 for row in told["step"])
    assert {row["threads"] for row in told["settings"]} == {1, 2}
    assert {"median_error", "p90_error", "step_row_us"} <= told["cost_model"].keys()
    assert read_cost_model(tmp_path / "cost.json").step_s(1, 1) > 0
    assert "<svg" in (tmp_path / "engine-step.svg").read_text()
    relative = [name for name, measure in told["measures"].items() if measure["relative"]]
    assert {name.split()[0] for name in relative} == {"sampling", "forced", "separate", "setting"}


def test_engine_that_dies_leaves_a_partial_result(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "SHORT", TINY)
    monkeypatch.setattr(command, "read_gb_per_s", lambda threads: 10.0)
    run = Subject.run

    def dies(subject: Subject, case: Case) -> Timing:
        if case.steps == TINY.steps and len(case.tails) == 4:
            subject._process.kill()
        return run(subject, case)

    monkeypatch.setattr(Subject, "run", dies)
    assert main(["engine", "--model", str(tiny), "--short", "--out", str(tmp_path)]) == 1
    told = json.loads((tmp_path / "engine.json").read_text())
    assert told["partial"] and len(told["prefill"]) == 3 and len(told["step"]) == 1
    assert "the engine process ended with code -9" in capsys.readouterr().err


def test_wrong_input_is_one_line(tiny, tmp_path, capsys):
    for extra, line in [
        (["--compute-type", "int3"], "Invalid compute type: int3"),
        (["--save", str(tmp_path)], f"cannot write {tmp_path}"),
    ]:
        assert main(["engine", "--model", str(tiny), *extra]) == 2
        captured = capsys.readouterr()
        assert captured.err == f"askwell-bench: {line}\n" and not captured.out
