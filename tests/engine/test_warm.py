"""Warming up: how an engine of known cost is probed, on a clock of its own."""

import threading

import pytest
from askwell_server.engine import warm
from askwell_server.engine.cost import CostModel
from askwell_server.engine.layout import Layout, layouts, layouts_on_gpu
from askwell_server.engine.messages import Batch
from askwell_server.engine.warm import OnToken, Shape, measure_cost, rehearse

SMALL = CostModel(0.00835, 0.00035, 8.13e-7, 0.0088, 0.00043, 3.1e-5)  # SmolLM2-135M, one of two lanes
LARGE = CostModel(0.05, 0.007, 1e-6, 0.23, 0.01, 1e-4)  # GPT-J-6B on two cores
SLOW = CostModel(0.2, 0.07, 1e-5, 0.8, 0.05, 4e-4)
FAST = CostModel(1e-4, 1e-6, 1e-10, 0.004, 1e-6, 1e-8)  # a GPU
UNSEEN = [Shape(4, 200, 150, steps=40), Shape(16, 40, steps=20), Shape(1, 400, steps=60)]


class Priced:
    """Takes the time that a cost model says, on its own clock: ``cold`` times as much, and as many seconds of
    compiling, when a shape runs for the first time. Has no memory for more than so many tokens."""

    def __init__(
        self,
        cost: CostModel,
        monkeypatch: pytest.MonkeyPatch,
        cold: float = 1.0,
        compiling_s: float = 0.0,
        tokens: int = 1_000_000,
    ) -> None:
        self.now_s = 0.0
        self.seen: list[Shape] = []
        self._cost, self._cold, self._compiling_s, self._tokens = cost, cold, compiling_s, tokens
        monkeypatch.setattr(warm, "perf_counter", lambda: self.now_s)

    def generate(self, batch: Batch, on_token: OnToken) -> None:
        assert not batch.cached
        rows, prefix, steps = len(batch.rows), len(batch.prefix), batch.rows[0].max_new_tokens
        length = prefix + len(batch.rows[0].tail)
        shape = Shape(rows, length, prefix, steps)
        if shape.tokens > self._tokens:
            raise RuntimeError("CUDA failed with error out of memory")
        slow, compiling_s = (1.0, 0.0) if shape in self.seen else (self._cold, self._compiling_s)
        self.seen.append(shape)
        self.now_s += compiling_s + slow * self._cost.prefill_s(rows, length, prefix)
        for step in range(steps):
            self.now_s += slow * self._cost.step_s(rows, length + step)
            for index in range(rows):
                on_token(step, index, 1, None)

    def probed(self, positions: int = 2048, tokens: int = 1_000_000, compiles: bool = False) -> CostModel:
        return measure_cost(self.generate, 1, range(1, 100), positions, tokens=tokens, compiles=compiles)


@pytest.mark.parametrize("cost", [SMALL, LARGE, FAST], ids=["small", "large", "fast"])
def test_what_probing_finds_predicts_batches_it_has_not_seen(cost, monkeypatch):
    found = Priced(cost, monkeypatch).probed()
    for shape in UNSEEN:
        assert shape.seconds(found) == pytest.approx(shape.seconds(cost), rel=0.05)


@pytest.mark.parametrize(("cost", "limit_s"), [(SMALL, 2.0), (LARGE, 12.0), (SLOW, 30.0), (FAST, 2.0)])
def test_probing_is_short_and_stays_short_for_a_slow_model(cost, limit_s, monkeypatch):
    engine = Priced(cost, monkeypatch)
    found = engine.probed()
    assert engine.now_s < limit_s
    assert found.step_s(1, 100) == pytest.approx(cost.step_s(1, 100), rel=0.3)


def test_probes_fit_a_model_of_few_positions(monkeypatch):
    engine = Priced(FAST, monkeypatch)
    engine.probed(positions=64)
    assert max(shape.length + shape.steps for shape in engine.seen) <= 64


def test_compiling_kernels_is_no_part_of_the_cost(monkeypatch):
    engine = Priced(FAST, monkeypatch, cold=3.0, compiling_s=20.0)
    found = engine.probed(compiles=True)
    for shape in UNSEEN:
        assert shape.seconds(found) == pytest.approx(shape.seconds(FAST), rel=0.05)


@pytest.mark.parametrize("cost", [SMALL, FAST], ids=["small", "fast"])
def test_first_run_that_is_slow_does_not_count(cost, monkeypatch):
    found = Priced(cost, monkeypatch, cold=3.0).probed()
    for shape in UNSEEN:
        assert shape.seconds(found) == pytest.approx(shape.seconds(cost), rel=0.05)


def test_probes_fit_the_memory_that_is_known_and_leave_out_what_does_not(monkeypatch):
    for tokens, has_shared in ((1000, True), (100, False)):
        engine = Priced(FAST, monkeypatch)
        found = engine.probed(tokens=tokens)
        assert tokens / 2 < max(shape.tokens for shape in engine.seen) <= tokens
        assert any(shape.prefix for shape in engine.seen) == has_shared
        assert found.step_s(1, 50) == pytest.approx(FAST.step_s(1, 50), rel=0.05)


def test_lack_of_memory_ends_the_probing_unless_not_even_one_row_runs(monkeypatch):
    engine = Priced(SMALL, monkeypatch, tokens=400)
    found = engine.probed()
    assert set(engine.seen) == {Shape(1, 16), Shape(8, 4)}
    assert found.step_s(1, 50) == pytest.approx(SMALL.step_s(1, 50), rel=0.2)
    with pytest.raises(RuntimeError, match="out of memory"):
        Priced(SMALL, monkeypatch, tokens=4).probed()


def test_a_rehearsal_has_every_lane_at_work_at_once():
    threads: set[int] = set()

    def generate(batch: Batch, on_token: OnToken) -> None:
        threads.add(threading.get_ident())
        for step in range(4):
            on_token(step, 0, 1, None)

    ends_s = rehearse(generate, Shape(1, 8).batch([1, 2]), lanes=3)
    assert [len(lane) for lane in ends_s] == [4, 4, 4] and len(threads) == 3


@pytest.mark.parametrize(
    ("cores", "intra", "inter", "expected"),
    [
        (2, 0, 0, [(2, 1), (1, 2)]),
        (1, 0, 0, [(1, 1)]),
        (8, 0, 0, [(8, 1), (4, 2), (2, 4), (1, 8)]),
        (6, 0, 0, [(6, 1), (3, 2), (1, 4), (1, 6)]),
        (8, 2, 0, [(2, 1), (2, 2), (2, 4)]),
        (2, 4, 0, [(4, 1)]),
        (2, 0, 1, [(2, 1), (1, 1)]),
        (8, 0, 2, [(4, 2), (1, 2)]),
        (2, 3, 5, [(3, 5)]),
    ],
)
def test_layouts_share_out_the_cores_and_keep_what_was_set(cores, intra, inter, expected):
    assert layouts(cores, intra, inter) == [Layout(*each) for each in expected]


def test_a_gpu_is_tried_with_one_lane_and_with_two_unless_it_is_set():
    assert layouts_on_gpu(0, 0) == [Layout(1, 1), Layout(1, 2)]
    assert layouts_on_gpu(2, 3) == [Layout(2, 3)]
