"""The planner in virtual time: a trace under each policy, and what a planner that knows everything would do.

    askwell-bench engine --model models/smollm2-135m-instruct --save cost.json
    askwell-bench planner --workload benchmarks/workloads/sets.toml --cost cost.json --lanes 2 --rate 0.4
    askwell-bench planner --workload benchmarks/workloads/mixed.toml --cost cost.json --lanes 2 --capacity
    askwell-bench planner --workload benchmarks/workloads/mixed.toml --real models/MODEL --lanes 2 --rate 2

The server's own queue, scheduler and planner run on a clock that jumps from event to event; what a batch
takes is what a cost model says. "One at a time" are batches of one row. "Offline" knows all arrivals and
output lengths and tries its moves on the future: the best schedule found, not a proven optimum; what no
planner can exceed stands below. With --capacity: the highest rate at which the file's share of requests
keep the limits. With --real the same trace goes to a server under each policy, and the prediction takes the
cost that this server has fitted; exit code 1 when a throughput is off by more than 15%.
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from askwell_manifest import read_manifest
from askwell_server.engine.config import EngineConfig
from askwell_server.engine.cost import DEFAULT_COST, CostModel, read_cost_model
from askwell_server.engine.planner import Limits

from ..ending import ENDINGS
from ..load.workload import Vocabulary
from ..load.workload_file import WorkloadFile, read_workload
from ..number import count, count_or_none, positive
from ..result import add_out, finish, model_facts
from .bound import most_requests_per_s
from .capacity import capacity
from .comparison import compare_real
from .contender import CONTENDERS
from .contest import contest
from .offline import AHEAD
from .real import model_vocabulary
from .report import Report
from .simulation import Machine
from .table import print_capacities, print_contest, print_real
from .traffic import Traffic, open_loop, recorded

NAME = "planner"
_REQUESTS = 100
_VOCABULARY = Vocabulary(size=49152, positions=8192)
"""The default model's. Which tokens a prompt holds changes no cost."""
_TOKENS = 1 << 20
"""Of a batch: more than 16 rows ever have. A server on a small device allows less."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--workload", type=Path, required=True, metavar="FILE", help="what is asked, and the limits (*.toml)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--rate", type=positive, help="Poisson arrivals: requests a second")
    what.add_argument("--trace", type=Path, metavar="FILE", help="arrivals and lengths of a recorded trace")
    add("--requests", type=count, help="of a round (default 100; of a trace all)")
    add(
        "--rounds",
        type=count,
        default=3,
        help="traces, each with the next seed (default 3; a recorded one 1)",
    )
    add("--seed", type=count_or_none, default=0, help="of lengths and arrivals (default 0)")
    add("--ceiling", type=count, metavar="N", help="requests allow so many new tokens; none knows its length")
    add("--capacity", action="store_true", help="find the highest rate that keeps the limits")
    add(
        "--cost", type=Path, metavar="FILE", help="what batches cost, as askwell-bench engine --save wrote it"
    )
    add(
        "--truth", type=Path, metavar="FILE", help="what they really take, where the planner's model is wrong"
    )
    add("--lanes", type=count, default=1, help="batches at the same time (default 1)")
    default = EngineConfig(Path())
    rows, seconds = default.max_batch_rows, default.max_batch_s
    add("--rows", type=count, default=rows, help=f"of a batch at most (default {rows})")
    add(
        "--max-batch-s",
        type=positive,
        default=seconds,
        help=f"before a batch may be cut (default {seconds:g})",
    )
    add("--ahead", type=count_or_none, default=AHEAD, metavar="N",
        help=f"arrivals that the offline planner foresees; 0 leaves it out (default {AHEAD})")  # fmt: skip
    add("--real", type=Path, metavar="DIR", help="send the trace to servers of this model, and compare")
    add("--server-flags", default="", metavar="FLAGS", help="further flags of those servers, in one argument")
    add_out(parser)


def run(arguments: argparse.Namespace) -> int:
    given = arguments
    _check(given)
    asked = read_workload(given.workload)
    machine = _machine(given)
    report = Report(asked, _traffic_facts(given), machine, given.max_batch_s)
    try:
        if given.real:
            _compare(given, asked, report)
        if machine and (given.rate or given.trace):
            _contest(given, asked, machine, report)
        if machine and given.capacity:
            _capacities(given, asked, machine, report)
    except ENDINGS as ending:
        if not (report.real or report.rounds or report.capacities):
            raise
        report.stopped = " ".join(str(ending).split()) or "interrupted"
        print(f"\nPARTIAL: {report.stopped}")
    finish(NAME, report.figures(), given.out, measures=report.measures())
    return 0 if not report.stopped and all(each.holds for each in report.real) else 1


def _check(given: argparse.Namespace) -> None:
    if not (given.rate or given.trace or given.capacity):
        raise ValueError("nothing to do: give --rate, --trace or --capacity")
    if given.real and not (given.rate or given.trace):
        raise ValueError("a real server needs arrivals: give --rate or --trace")
    if given.real and given.ceiling:
        raise ValueError("a real server is asked for exact lengths; leave --ceiling out")
    if not given.real and (given.server_flags or not given.cost):
        raise ValueError("without --real give --cost, and no --server-flags")
    if given.truth and not given.cost:
        raise ValueError("--truth is what differs from --cost; give both")
    if given.capacity and (given.trace or not given.cost):
        raise ValueError("--capacity searches among rates: give --cost, and no --trace")


def _machine(given: argparse.Namespace) -> Machine | None:
    """None when only a real server knows its cost."""
    if not given.cost:
        return None
    cost = read_cost_model(given.cost)
    truth = read_cost_model(given.truth) if given.truth else cost
    return _of(given, cost, truth)


def _of(given: argparse.Namespace, cost: CostModel, truth: CostModel) -> Machine:
    return Machine(given.lanes, Limits(given.rows, _TOKENS), cost, truth)


def _traffics(given: argparse.Namespace, asked: WorkloadFile, rate: float | None = None) -> list[Traffic]:
    """One a round; all of a recorded trace are the same, so there is one."""
    vocabulary = model_vocabulary(given.real) if given.real else _VOCABULARY
    if given.trace:
        return [recorded(given.trace, vocabulary, given.seed, given.requests, given.ceiling)]
    return [
        open_loop(
            asked, vocabulary, given.requests or _REQUESTS, rate or given.rate, given.seed + i, given.ceiling
        )
        for i in range(given.rounds)
    ]


def _traffic_facts(given: argparse.Namespace) -> dict[str, Any]:
    return {
        "rate": given.rate,
        "trace": given.trace.name if given.trace else None,
        "requests": given.requests or (None if given.trace else _REQUESTS),
        "rounds": 1 if given.trace else given.rounds,
        "seed": given.seed,
        "ceiling": given.ceiling,
        "ahead": given.ahead,
    }


def _contest(given: argparse.Namespace, asked: WorkloadFile, machine: Machine, report: Report) -> None:
    for number, traffic in enumerate(_traffics(given, asked), start=1):
        arrivals = traffic.arrivals()
        report.bounds.append(most_requests_per_s(arrivals, machine))
        report.rounds.append(contest(arrivals, machine, asked.limits, given.max_batch_s, given.ahead))
        ours = report.rounds[-1]["full"].figures
        print(f"round {number}: full keeps {ours.good_share:.1%} of the requests", flush=True)
    print_contest(report.rounds, statistics.fmean(report.bounds))


def _capacities(given: argparse.Namespace, asked: WorkloadFile, machine: Machine, report: Report) -> None:
    traffics = _traffics(given, asked, rate=1.0)
    for each in CONTENDERS:
        report.capacities[each.name] = capacity(traffics, asked, machine, each, given.max_batch_s)
    print_capacities(report.capacities, asked.share)


def _compare(given: argparse.Namespace, asked: WorkloadFile, report: Report) -> None:
    """With the cost that each server has fitted; what ``--cost`` says is for the rest."""
    (traffic, *_) = _traffics(given, asked)
    nowhere = _of(given, DEFAULT_COST, DEFAULT_COST)
    report.model = model_facts(read_manifest(given.real))
    for found in compare_real(
        given.real, given.server_flags, traffic, nowhere, asked.limits, given.max_batch_s
    ):
        report.real.append(found)
        report.machine = report.machine or found.machine
        print(f"{found.name}: {found.throughput_ratio:.2f} of the real tokens a second", flush=True)
    print_real(report.real)
