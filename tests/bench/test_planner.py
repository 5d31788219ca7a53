"""The planner's simulation: what batches take, what cuts leave, and who wins."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from askwell_bench.command import main
from askwell_bench.load.summary import Limits as Promise
from askwell_bench.load.workload import Vocabulary
from askwell_bench.load.workload_file import read_workload
from askwell_bench.planner.arrival import Arrival, SimRow, foretold
from askwell_bench.planner.bound import most_requests_per_s
from askwell_bench.planner.capacity import capacity
from askwell_bench.planner.contender import CONTENDERS, ENDLESS, Contender, simulation
from askwell_bench.planner.contest import OFFLINE, contest
from askwell_bench.planner.real import cost_from_metrics
from askwell_bench.planner.running import start
from askwell_bench.planner.simulation import Machine, Simulation
from askwell_bench.planner.traffic import Traffic, open_loop
from askwell_server.engine.cost import CostModel
from askwell_server.engine.planner import Limits, Plan
from askwell_server.engine.queue import WaitingQueue
from askwell_server.engine.row import Options, Row
from askwell_server.engine.scheduler import Boarded

COST = CostModel(0.008, 0.00035, 8e-7, 0.009, 0.0004, 3e-5)
SECOND_A_STEP = CostModel(0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
MACHINE = Machine(2, Limits(16, 1 << 20), COST, COST)
PROMISE = Promise(4.0, 12.0)
FILES = Path(__file__).resolve().parents[2] / "benchmarks" / "workloads"
(FULL,) = [each for each in CONTENDERS if each.name == "full"]


class CutAlways:
    """One batch of everything that waits, cut at every look."""

    def __init__(self, queue: WaitingQueue[SimRow]) -> None:
        self._queue = queue

    def board(self, now_s: float, limits: Limits, cost: CostModel, free_lanes: int) -> Boarded[SimRow]:
        items = tuple(self._queue.in_order(now_s))
        self._queue.clear()
        return Boarded(items, Plan(tuple(range(len(items))), 0))

    def gives_way(
        self, live: Sequence[Row], started_s: float, now_s: float, limits: Limits, cost: CostModel
    ) -> bool:
        return True


def row(prompt: int, new: int, first: int = 0) -> Row:
    return Row(tuple(range(first, first + prompt)), Options(), new, new)


def arrival(at_s: float, *shapes: tuple[int, int]) -> Arrival:
    rows = tuple(row(prompt, new, 1000 * i) for i, (prompt, new) in enumerate(shapes))
    return Arrival(at_s, rows, tuple(new for _, new in shapes))


def traffic(name: str, count: int, rate: float, ceiling: int | None = None) -> Traffic:
    file = read_workload(FILES / f"{name}.toml")
    return open_loop(file, Vocabulary(49152, 8192), count, rate, seed=1, ceiling=ceiling)


def test_a_batch_takes_what_the_cost_model_says_row_by_row():
    shapes = [(30, 5), (20, 40), (25, 10)]
    items = [SimRow(row(*shape), 0.0, i, shape[1]) for i, shape in enumerate(shapes)]
    running = start(items, Plan((0, 1, 2), 0), 3.0, COST)
    ends_s = [running.time_s(each) - 3.0 for each in running.steps]
    assert ends_s == pytest.approx(COST.ends_s(shapes))
    assert running.forced == (10, 0, 5)
    assert running.done(running.time_s(7)) == 7
    assert running.done(running.time_s(7) - 1e-9) == 6


def test_a_cut_row_ends_with_its_next_token_and_a_forced_one_with_its_first():
    items = [SimRow(row(4, 10), 0.0, 0, 10), SimRow(row(9, 10), 0.0, 1, 10), SimRow(row(4, 2), 0.0, 2, 2)]
    running = start(items, Plan((0, 1, 2), 0), 0.0, SECOND_A_STEP).shortened(2.5)
    assert [running.written(i) for i in range(3)] == [3, 1, 2]
    assert running.end_s == 6.0


def test_cuts_lose_no_token_and_no_first_token():
    queue: WaitingQueue[SimRow] = WaitingQueue(ENDLESS)
    machine = Machine(1, Limits(4, 1000), SECOND_A_STEP, SECOND_A_STEP)
    arrivals = [arrival(0.0, (4, 6)), arrival(0.5, (4, 3)), arrival(0.7, (4, 1))]
    run = Simulation(arrivals, machine, queue, CutAlways(queue))
    outcomes = run.run()
    assert run.state.count.cuts == 1
    # One token, a cut, one forced token beside the others' first, and the remaining four.
    assert [each.first_s for each in outcomes] == pytest.approx([1.0, 2.0, 2.0])
    assert [each.end_s for each in outcomes] == pytest.approx([7.0, 4.0, 2.0])


@pytest.mark.parametrize("name", ["sets", "mixed"])
def test_every_request_ends_under_every_planner_and_none_exceeds_the_bound(name: str):
    arrivals = traffic(name, 25, rate=50.0).arrivals()
    bound = most_requests_per_s(arrivals, MACHINE)
    for contender in CONTENDERS:
        outcomes = simulation(arrivals, MACHINE, contender, 2.0).run()
        ends_s = [each.end_s for each in outcomes if each.end_s]
        assert len(ends_s) == len(arrivals)
        assert all(each.due_s < (each.first_s or 0) < (each.end_s or 0) for each in outcomes)
        assert len(arrivals) / (max(ends_s) - arrivals[0].at_s) < bound


def test_one_at_a_time_is_as_fast_as_the_cost_model_of_one_row():
    arrivals = [arrival(0.0, (40, 8))] * 4
    outcomes = simulation(arrivals, MACHINE, Contender("x", "fifo", rows=1), 2.0).run()
    alone_s = COST.batch_s([(40, 8)])
    assert sorted(each.end_s or 0 for each in outcomes) == pytest.approx([alone_s] * 2 + [2 * alone_s] * 2)


def test_what_really_happens_is_the_truth_and_not_the_planners_belief():
    arrivals = traffic("mixed", 10, rate=1000.0).arrivals()
    slower = replace(MACHINE, truth=COST.scaled(2.0, 2.0))
    fast, slow = (simulation(arrivals, each, FULL, 1e6).run() for each in (MACHINE, slower))
    assert max(each.end_s or 0 for each in slow) > 1.8 * max(each.end_s or 0 for each in fast)


def test_rows_end_at_lengths_that_only_the_offline_planner_knows():
    arrivals = traffic("mixed", 5, rate=1.0, ceiling=300).arrivals()
    assert {row.max_new_tokens for each in arrivals for row in each.rows} == {300}
    outcomes = simulation(arrivals, MACHINE, FULL, 2.0).run()
    assert [each.tokens for each in outcomes] == [each.new_tokens[0] for each in arrivals]
    assert [each.rows[0].max_new_tokens for each in foretold(arrivals)] == [each.tokens for each in outcomes]


@pytest.mark.parametrize(("name", "rate"), [("sets", 0.6), ("mixed", 1.6)])
def test_who_knows_everything_is_beaten_by_nobody(name: str, rate: float):
    found = contest(traffic(name, 8, rate).arrivals(), MACHINE, PROMISE, 2.0, ahead=3)
    assert max(each.merit for each in found.values()) == found[OFFLINE].merit


def test_foresight_keeps_promises_that_order_of_arrival_breaks():
    # The short one came last, and only it can be in time once the first has ended: the second is late anyway.
    arrivals = [arrival(0.0, (4, 9)), arrival(0.1, (4, 9)), arrival(0.2, (4, 1))]
    machine = Machine(1, Limits(1, 1000), SECOND_A_STEP, SECOND_A_STEP)
    found = contest(arrivals, machine, Promise(None, 10.0), 1e6, ahead=3)
    assert found["full"].figures.good_share == pytest.approx(1 / 3)
    assert found[OFFLINE].figures.good_share == pytest.approx(2 / 3)


def test_capacity_is_a_rate_that_keeps_the_limits_and_a_slower_machine_has_less():
    asked = read_workload(FILES / "mixed.toml")
    traffics = [traffic("mixed", 20, rate=1.0)]
    rate = capacity(traffics, asked, MACHINE, FULL, 2.0)
    outcomes = simulation(traffics[0].arrivals(1 / rate), MACHINE, FULL, 2.0).run()
    assert sum(not each.kept(asked.limits) for each in outcomes) <= asked.allowed(20)
    slow = COST.scaled(2.0, 2.0)
    assert capacity(traffics, asked, replace(MACHINE, cost=slow, truth=slow), FULL, 2.0) < rate
    hopeless = replace(asked, limits=Promise(1e-6, 1e-6))
    assert capacity(traffics, hopeless, MACHINE, FULL, 2.0) == 0.0


def test_the_cost_is_read_from_the_metrics_of_a_server():
    names = ("prefill_call", "prefill_token", "prefill_pair", "step_call", "step_row", "step_cached")
    lines = [f'askwell_cost_seconds{{coefficient="{name}"}} {i}e-05' for i, name in enumerate(names)]
    assert cost_from_metrics("\n".join(["# HELP", *lines])) == CostModel(0, 1e-5, 2e-5, 3e-5, 4e-5, 5e-5)
    with pytest.raises(RuntimeError, match="step_cached"):
        cost_from_metrics("\n".join(lines[:-1]))


def test_the_command_prints_a_table_and_ends_with_its_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    cost = tmp_path / "cost.json"
    cost.write_text(COST.to_json(), encoding="utf-8")
    command = ["planner", "--workload", str(FILES / "sets.toml"), "--cost", str(cost), "--lanes", "2"]
    shape = ["--rate", "0.5", "--capacity", "--requests", "6", "--rounds", "2", "--ahead", "2"]
    assert main([*command, *shape, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    told = json.loads(printed.splitlines()[-1])
    assert told == json.loads((tmp_path / "planner.json").read_text(encoding="utf-8"))
    assert "no planner" in printed
    assert told["machine"]["truth"]["prefill_pair_us"] == 0.8
    assert told["capacity_ratios"]["one at a time"] > 1
    assert told["planners"]["full"]["prefix_tokens"] > 0
    assert len(told["measures"]["goodput, full over offline"]["values"]) == 2
    assert main(command) == 2
    assert "--rate" in capsys.readouterr().err
