"""The engine's promises on docs/performance.md and in README's table, from made-up results."""

import json
import math
from argparse import Namespace
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from askwell_bench import kills, soak
from askwell_bench.integrity.repeating import Repeating
from askwell_bench.pages.loss import Losses
from askwell_bench.pages.machine import surroundings
from askwell_bench.pages.page import performance_page
from askwell_bench.pages.readme import readme_table
from askwell_bench.pages.source import Results
from askwell_bench.verdict import Verdict, at_least, at_most, verdict_facts

LIMITS = {"first_s": 3.0, "end_to_end_s": 8.0}
SETS: dict[str, Any] = {
    "name": "interviews",
    "kind": "interviews",
    "lengths": {"new_tokens": 40},
    "limits": LIMITS,
    "share": 0.95,
}
MIXED = SETS | {"name": "mixed", "kind": "mixed", "lengths": {}}


class Folder:
    """Results that grow, and what is made of them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, name: str, **figures: Any) -> None:
        (self.root / f"{name}.json").write_text(json.dumps({"benchmark": name, **figures}), encoding="utf-8")

    @property
    def page(self) -> str:
        results = Results(self.root)
        return performance_page(results, surroundings(results.all), Losses(), "results", {})

    @property
    def readme(self) -> str:
        results = Results(self.root)
        return readme_table(results, surroundings(results.all), "page.md")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def capacity(*verdicts: Verdict, **others: Any) -> dict[str, Any]:
    """One row at a time is bounded by a run of fewer requests; equal length passed all that it was asked."""
    variants = {
        "one-row": ("--policy fifo --max-batch-rows 1", 0.25, 0.275, True),
        "equal-length": ("--policy equal-length", 0.4, None, False),
        "full": ("", 0.48, 0.528, False),
    }
    keys = ("flags", "sustained_per_s", "failed_per_s", "overrated")
    told = {
        "workload": SETS,
        "requests": 100,
        "variants": {name: dict(zip(keys, each, strict=True)) for name, each in variants.items()},
        "ratios": {
            "one-row": {"ratio": 1.75, "bound": "at least", "required": 1.7},
            "equal-length": {"ratio": 1.2, "bound": "at most", "required": 1.3},
        },
        "at_80_percent": {
            "one-row": {"rate": 0.2, "end_to_end_p95_s": None},
            "full": {"rate": 0.2, "end_to_end_p95_s": 3.1},
        },
        "invalid_runs": [],
    }
    return told | verdict_facts(verdicts) | others


def test_absent_files_say_not_measured_and_how(folder: Folder) -> None:
    promises = folder.page.partition("## The engine's promises")[2].partition("## The questions")[0]
    commands = (
        "capacity --model DIR --workload benchmarks/workloads/interviews.toml",
        "goodput --model DIR --workload benchmarks/workloads/mixed.toml",
        "planner --workload benchmarks/workloads/mixed.toml --real DIR --lanes N --rate RATE",
        "overload --model DIR --workload benchmarks/workloads/overload.toml",
        "tenants --model DIR --workload benchmarks/workloads/tenants.toml",
        "kills --model DIR",
        "soak --model DIR",
        "integrity --model FLOAT32_DIR",
        "integrity --model INT8_DIR",
    )
    for command in commands:
        told = f"Not measured: `askwell-bench {command} --out benchmarks/results` measures it."
        assert told in promises
    assert promises.count("Not measured") == len(commands)
    assert "|" not in promises
    assert folder.readme.startswith("Not measured yet")


def test_capacity_stands_beside_its_limits_and_bounds_are_marked(folder: Folder) -> None:
    folder.add("capacity-interviews", **capacity(Verdict("full beats one-row", "at least 1.75 x", True)))
    page = folder.page
    assert "Good is a request that has its first token within 3 s and its end within 8 s. A rate is" in page
    assert "sustained when 95 % of 100 requests are good." in page
    assert "|  | flags | sustains, /s | fails at, /s | full ÷ it | p95 at 0.200/s, s |" in page
    one_row = "`--policy fifo --max-batch-rows 1` | 0.250, overrated | 0.275 | at least 1.75 | for ever |"
    assert f"| one-row | {one_row}" in page
    assert "| equal-length | `--policy equal-length` | 0.400 or more | – | at most 1.20 | – |" in page
    assert "| full | none | 0.480 | 0.528 | – | 3.10 |" in page
    assert "- **Held:** full beats one-row: at least 1.75 x." in page
    what = "Question sets a second that keep the first token within 3 s and the end within 8 s (95 % of them)"
    assert f"| {what} | 0.480, at least 1.75 × one-row's, at most 1.20 × equal-length's |" in folder.readme


def test_verdict_that_failed_shows_on_the_page_and_in_the_readme(folder: Folder) -> None:
    verdicts = (Verdict("a", "1 x", True), Verdict("b", "2 x", False), Verdict("c", "not measured", None))
    slow = "full at 0.5/s: the load generator was the bottleneck"
    broken = {"partial": True, "stopped": "died", "invalid_runs": [slow]}
    folder.add("capacity-interviews", **capacity(*verdicts, **broken))
    page = folder.page
    assert "- **Held:** a: 1 x.\n- **Did not hold:** b: 2 x.\n- **Too little measured to tell:** c:" in page
    assert f"- **Invalid:** {slow}.\n" in page
    assert "**Partial:** capacity-interviews: died. What it had measured by then is shown." in page
    shortfall = "equal-length's; **1 of 3 goals missed**; 1 of 3 goals not judged; **1 invalid run** |"
    assert "(95 % of them) (partial run) | 0.480, " in folder.readme
    assert shortfall in folder.readme


def test_goodput_is_told_by_round_and_against_the_flags_of_the_baseline(folder: Folder) -> None:
    variants = {
        "fifo": {"flags": "--policy fifo", "best_goodput_per_s": [0.5, 0.6], "best_at_per_s": [0.7, 0.7]},
        "full": {"flags": "", "best_goodput_per_s": [0.8, 0.9], "best_at_per_s": [0.9, 0.7]},
    }
    measures = {"goodput_ratio": {"values": [1.6, 1.5]}}
    told = {"workload": MIXED, "requests": 40, "variants": variants, "measures": measures}
    verdicts = verdict_facts([at_least("goodput", 1.549, 1.3, " x")])
    folder.add("goodput-mixed", **told, goodput_ratio=1.549, **verdicts)
    page = folder.page
    assert "| fifo | `--policy fifo` | 0.500, 0.600 | 0.700, 0.700 |" in page
    assert "In turn: full has 1.55 times the goodput of fifo; by round 1.60, 1.50." in page
    assert "- **Held:** goodput at least 1.3 x: 1.55 x." in page
    what = "Requests of mixed lengths: goodput ÷ that of the same server with `--policy fifo`"
    assert f"| {what} | 1.55 |" in folder.readme


def test_prediction_stands_beside_the_real_run_and_planners_only_where_simulated(folder: Folder) -> None:
    def figures(rate: float) -> dict[str, float]:
        return {"tokens_per_s": rate, "end_to_end_p50_s": 2.0, "end_to_end_p95_s": 4.0}

    compared = {"predicted": figures(120.0), "real": figures(100.0), "hindsight_ratio": 1.1}
    real = {"full": compared | {"throughput_ratio": 1.2, "holds": False}}
    traffic = {"rate": 3.0, "requests": 80, "rounds": 2, "trace": None}
    about = {"workload": MIXED, "traffic": traffic, "machine": {"lanes": 2}}
    folder.add("planner-real", **about, real=real, planners={})
    assert " 80 requests at 3/s, 2 lanes." in folder.page
    assert "| full | 120 | 100 | 1.20 | 1.10 | 2.00 | 2.00 | 4.00 | 4.00 |" in folder.page
    assert "- **Did not hold:** full: the predicted tokens a second are within 15 %" in folder.page
    assert "The planners side by side" not in folder.page
    full = {"requests_per_s": 2.0, "goodput_per_s": 1.5, "good_share": 0.75}
    full |= {"batches": 40.0, "rows": 100.0, "cuts": 4.0}
    planners = {"full": full, "offline": full | {"goodput_per_s": 1.6}}
    ratios = {"offline": 0.9375}
    folder.add("planner", **about, planners=planners, goodput_ratios=ratios, bound_requests_per_s=2.5)
    assert "Simulated, means of 2 traces." in folder.page
    assert "| full | 2.00 | 1.50 | 75 % | 2.50 | 10 % | – |" in folder.page
    assert "| offline | 2.00 | 1.60 | 75 % | 2.50 | 10 % | 0.938 |" in folder.page
    assert "No planner could do more than 2.50 requests a second" in folder.page


def test_overload_tells_what_was_kept_refused_and_missed(folder: Folder) -> None:
    above = {"rate": 1.6, "sent": 40, "goodput_per_s": 0.75, "statuses": {"OK": 25, "RESOURCE_EXHAUSTED": 15}}
    a_round = {"sustained_per_s": 0.8, "peak_per_s": 0.8, "kept": 0.9375, "above": above}
    counts = {"refusals": 15, "admitted": 25, "missed": 1, "refused_p50_s": 0.0021, "refused_p90_s": 0.0123}
    told = {"workload": MIXED, "seconds": 25.0, "deadline_s": 12.0, "goodput_kept": 0.9375}
    verdicts = verdict_facts([at_most("90 % of 15 refusals took", 12.3, 10, " ms")])
    folder.add("overload", **told, **counts, rounds=[a_round], **verdicts)
    assert "| 1 | 0.800 | 0.800 | 1.60 | 40 | 15 | 0.750 | 94 % |" in folder.page
    refused = "Of 40 requests at those rates 15 were refused, in 2.10 ms (p50) and 12.3 ms (p90); of the 25"
    assert f"{refused} admitted, 1 missed their deadline of 12 s." in folder.page
    assert "- **Did not hold:** 90 % of 15 refusals took at most 10 ms: 12.3 ms." in folder.page
    kept = "94 % of peak goodput kept, refusals after 12 ms (p90)"
    missed = "of 25 admitted 1 missed their deadline of 12 s; **1 of 1 goal missed**"
    assert f"| Twice the load that is sustained | {kept}, {missed} |" in folder.readme


def test_flood_stands_beside_the_fair_share_and_its_bound(folder: Folder) -> None:
    times = {"fair_p99_s": 1.0, "flood_p99_s": 1.5}
    bound = {"full_batch_s": 0.9, "longest_batch_s": 1.1, "bound_s": 2.0}
    counts = {"b_requests": {"fair": 120, "flood": 121}}
    others = {"a_requests": {"fair": [50, 51], "flood": [300, 301]}}
    asked = {"workload": MIXED, "flood": 128, "seconds": 25.0, "rounds": 3}
    verdicts = [at_most("B's p99, over that beside A's fair share,", 1.5, 2.0, " x")]
    told = {**asked, **times, **bound, **counts, **others, **verdict_facts(verdicts)}
    folder.add("tenants", server_flags="--inter-threads 2", **told)
    page = folder.page
    assert "3 rounds of 25 s of arrivals a run. Server: `--inter-threads 2`." in page
    assert "| its fair share | 120 | 101 | 1.00 |" in page
    assert "| 128 requests under way at all times | 121 | 601 | 1.50 |" in page
    assert "The bound is 2.00 s: B's own time in a full batch, 0.900 s, and A's longest, 1.10 s." in page
    assert "- **Held:** B's p99, over that beside A's fair share, at most 2 x: 1.5 x." in page
    assert "| One tenant floods: another's p99 | 1.5 s, 1.50 × that beside a fair share |" in folder.readme


def test_kills_tell_when_service_was_back_and_how_requests_ended(folder: Folder) -> None:
    seen = [
        kills.Kill("SIGKILL", 1.0, 2.5, 0.5, 6.0),
        kills.Kill("SIGKILL", 2.0, 2.5, 0.7, 4.0),
        kills.Kill("SIGSEGV", 3.0, 2.5, math.inf, 5.0),
    ]
    figures = kills._figures(seen, Counter(OK=50, UNAVAILABLE=4, INTERNAL=1), load_s=1.0)
    folder.add("kills", **figures, said={"INTERNAL": "oh no"})
    page = folder.page
    assert "Loading the model takes 1.00 s." in page
    assert "| SIGKILL | 2 | 0.600 | 0.700 | 5.00 | 6.00 |" in page
    assert "| SIGSEGV | 1 | never | never | 5.00 | 5.00 |" in page
    assert "| all | 3 | 0.700 | never | 5.00 | 6.00 |" in page
    assert "- INTERNAL, as it was told: `oh no`" in page
    ends = "1 INTERNAL, 50 OK and 4 UNAVAILABLE"
    assert f"- **Did not hold:** every request ends in a result or UNAVAILABLE: {ends}." in page
    service = "tokens flow again within the time that loading the model takes and 2 s more"
    assert f"- **Did not hold:** {service}: never at most, 1 of 3 too late." in page
    assert f"; requests: {ends}; **2 of 2 goals missed** |" in folder.readme


def test_kills_that_all_ended_well_hold(folder: Folder) -> None:
    figures = kills._figures([kills.Kill("SIGKILL", 1.0, 2.5, 0.5, 6.0)], Counter(OK=50), load_s=0.25)
    folder.add("kills", **figures, said={})
    assert folder.page.partition("### The engine is killed")[2].partition("###")[0].count("- **Held:**") == 2
    told = "tokens again after 0.500 s at most (loading takes 0.25 s); requests: 50 OK"
    assert f"| 1 kill of the engine under load | {told} |" in folder.readme


def soaked(last_mib: float, after: soak.Census) -> dict[str, Any]:
    """Half an hour in which the engine's memory ends at ``last_mib``, having been 1000 before."""
    memory = {60.0 * minute: 1000.0 if minute < 28 else last_mib for minute in range(31)}
    samples = [soak.Sample(at_s, 100.0, each, 50.0) for at_s, each in memory.items()]
    run = soak.Soak(samples, Counter(OK=80, LEFT=20), soak.Census(3, 40, 90), after)
    return soak._figures(run, Namespace(minutes=30.0, callers=8))


def test_long_run_tells_growth_and_what_leaked(folder: Folder) -> None:
    folder.add("soak", **soaked(1200.0, soak.Census(3, 42, 90)))
    page = folder.page
    assert "30 minutes, 8 requests under way at once." in page
    assert "| engine process | 1,000 | 1,200 | +20 % |" in page
    assert "| all processes | 1,150 | 1,350 | +17 % |" in page
    assert "- **Did not hold:** once the server has settled its memory grows by 5 % at most: +17 %." in page
    census = "3 processes, 40 threads and 90 files before, 3 processes, 42 threads and 90 files after"
    assert f"- **Did not hold:** at rest there is no more of anything after than before: {census}." in page
    assert "- **Held:** every request ends in a result, or is left by its caller: 20 LEFT and 80 OK." in page
    assert "![Memory over time]" not in page


def test_plot_of_the_long_run_is_linked_where_it_is(folder: Folder) -> None:
    folder.add("soak", **soaked(1010.0, soak.Census(3, 40, 88)))
    (folder.root / "soak.svg").write_text("<svg/>", encoding="utf-8")
    assert "![Memory over time](results/soak.svg)" in folder.page
    assert folder.page.partition("### A long run")[2].partition("###")[0].count("- **Held:**") == 3


def test_integrity_counts_who_parted_between_equals_as_equal_and_names_what_was_wrong(folder: Folder) -> None:
    wrong = [{"request": 7, "why": "another token", "position": 3, "gap": 0.5}]
    told = {"requests": 500, "equal": 496, "near": 3, "different": 1, "failed": 0, "largest_gap": 0.00005}
    folder.add("integrity", **told, wrong=wrong, asked_for={"leaving": 60, "suppress": 40})
    page = folder.page
    assert "| equal to what each returns alone | 496 |" in page
    assert "Asked for, each so often: leaving 60, suppress 40." in page
    assert "two logits were 0.0000500 apart at most." in page
    assert "as good as equal: 499 of 500.\n\n- Wrong: 1 × another token." in page
    told_briefly = "496 equal what they return alone, 3 part where two tokens are as good as equal"
    row = "| 500 concurrent greedy requests of mixed options, float32 |"
    assert f"{row} {told_briefly}; **1 of 1 goal missed** |" in folder.readme
    folder.add("integrity", **told | {"equal": 497, "different": 0}, wrong=[])
    assert "- **Held:** every request gets what it gets alone" in folder.page
    assert "missed" not in folder.readme


def test_reproducible_tells_its_cost(folder: Folder) -> None:
    found = Repeating(480, 480, 480, 300, [0.5, 0.45, 0.55])
    measures = {each.name: asdict(each) for each in found.measures()}
    distributions = {"steps": 500, "mean_kl": 0.2, "p99_kl": 0.3, "max_kl": 0.4, "same_top1": 0.9}
    folder.add("reproducible-int8_float16", **found.figures(), distributions=distributions, measures=measures)
    page = folder.page
    assert "| reproducible-int8_float16 | 480 | 480 | 480 | 300 | 0.500 | 0.450–0.550 |" in page
    assert "| reproducible-int8_float16 | 500 | 0.200 | 0.300 | 0.400 | 90 % |" in page
    assert "- **Held:** who asks to be reproducible gets in company what it gets alone: 480 of 480." in page
    assert "- **Did not hold:** a batch's next-token distributions are 0.1 nats" in page
    folder.add("reproducible-int8_float16", **found.figures() | {"reproducible_equal": 479})
    told = "who asks to be reproducible gets in company what it gets alone: 479 of 480."
    assert f"- **Did not hold:** {told}" in folder.page


def test_overhead_says_how_many_lanes_both_sides_had(folder: Folder) -> None:
    folder.add("overhead", throughput_ratio=0.95, streamed_ratio=0.9, pairs=4, lanes=2, threads=1)
    assert "| one GenerateBatch call | 0.950 | 4 | 2 |" in folder.page
    what = "Throughput at saturation ÷ ctranslate2 called directly, 2 lanes on both sides"
    assert f"| {what} | 0.950 in one call, 0.900 in streams |" in folder.readme


def test_results_of_another_shape_cost_dashes_and_no_crash(folder: Folder) -> None:
    names = ("capacity-a", "goodput-a", "planner", "overload", "tenants", "kills", "soak", "integrity")
    groups = ("variants", "ratios", "at_80_percent", "real", "planners")
    for name in (*names, "reproducible-a"):
        odd = {group: {"a": 1} for group in groups}
        folder.add(name, **odd, rounds=[{}], kills=[{}], memory_mib=[{}], verdicts=[{}], ends=None, runs="?")
    assert "**Too little measured to tell:**" in folder.page
    assert "goals not judged" in folder.readme
