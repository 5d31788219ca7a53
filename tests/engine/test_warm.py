"""Warming up: how an engine of known cost is probed, on a clock of its own."""

import threading

import pytest
from askwell_server.engine import warm
from askwell_server.engine.cost import CostModel
from askwell_server.engine.layout import Layout, layouts
from askwell_server.engine.messages import Batch
from askwell_server.engine.warm import OnToken, Shape, measure_cost, rehearse

SMALL = CostModel(0.00835, 0.00035, 8.13e-7, 0.0088, 0.00043, 3.1e-5)  # SmolLM2-135M, one of two lanes
LARGE = CostModel(0.05, 0.007, 1e-6, 0.23, 0.01, 1e-4)  # GPT-J-6B on two cores
SLOW = CostModel(0.2, 0.07, 1e-5, 0.8, 0.05, 4e-4)
FAST = CostModel(1e-4, 1e-6, 1e-10, 0.004, 1e-6, 1e-8)  # a GPU


class Priced:
    """Takes the time that a cost model says, on its own clock."""

    def __init__(self, cost: CostModel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 0.0
        self.seen: list[Batch] = []
        self._cost = cost
        monkeypatch.setattr(warm, "perf_counter", lambda: self.now_s)

    def generate(self, batch: Batch, on_token: OnToken) -> None:
        self.seen.append(batch)
        rows, prefix = len(batch.rows), len(batch.prefix)
        length = prefix + len(batch.rows[0].tail)
        self.now_s += self._cost.prefill_s(rows, length, prefix)
        for step in range(batch.rows[0].max_new_tokens):
            self.now_s += self._cost.step_s(rows, length + step)
            for index in range(rows):
                on_token(step, index, 1, None)


@pytest.mark.parametrize("cost", [SMALL, LARGE, FAST], ids=["small", "large", "fast"])
def test_what_probing_finds_predicts_batches_it_has_not_seen(cost, monkeypatch):
    engine = Priced(cost, monkeypatch)
    found = measure_cost(engine.generate, 1, range(1, 100), 2048)
    for shape in [Shape(4, 200, 150, steps=40), Shape(16, 40, steps=20), Shape(1, 400, steps=60)]:
        assert shape.seconds(found) == pytest.approx(shape.seconds(cost), rel=0.05)
    assert not any(batch.cached for batch in engine.seen)


@pytest.mark.parametrize(("cost", "limit_s"), [(SMALL, 2.0), (LARGE, 12.0), (SLOW, 30.0), (FAST, 2.0)])
def test_probing_is_short_and_stays_short_for_a_slow_model(cost, limit_s, monkeypatch):
    engine = Priced(cost, monkeypatch)
    found = measure_cost(engine.generate, 1, range(1, 100), 2048)
    assert engine.now_s < limit_s
    assert found.step_s(1, 100) == pytest.approx(cost.step_s(1, 100), rel=0.3)


def test_probes_fit_a_model_of_few_positions(monkeypatch):
    engine = Priced(FAST, monkeypatch)
    measure_cost(engine.generate, 1, range(1, 9), 64)
    longest = max(len(b.prefix) + len(b.rows[0].tail) + b.rows[0].max_new_tokens for b in engine.seen)
    assert longest <= 64


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
