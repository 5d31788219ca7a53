"""README's table, docs/performance.md and plots, from made-up results; and that the repo's own are true."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from askwell_bench.command import main
from askwell_bench.pages.loss import Reason, find_losses, read_reasons
from askwell_bench.pages.markdown import number, table
from askwell_bench.pages.source import Result

REPO = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    "date": "2026-01-02",
    "cpu": "Some CPU (avx2)",
    "cores": 2,
    "memory_gib": 8.0,
    "isa": {},
    "versions": {"askwell": "0.1.0", "ctranslate2": "4.8.5", "grpcio": "1.76.0"},
    "python": "3.11.0",
}


class Folder:
    """A README, and results that grow."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.readme = root / "README.md"
        self.page, self.plots = root / "docs" / "page.md", root / "docs" / "plots"
        self.readme.write_text(
            "# Before\n\n<!-- results: make report -->\nold | 9.99\n<!-- end of results -->\n\nAfter\n",
            encoding="utf-8",
        )
        (root / "results").mkdir()

    def add(self, name: str, **figures: Any) -> None:
        told = json.dumps({"benchmark": name, **ENVIRONMENT, **figures})
        (self.root / "results" / f"{name}.json").write_text(told, encoding="utf-8")

    def report(self, *flags: str) -> int:
        places = ["--readme", self.readme, "--out", self.page, "--plots", self.plots]
        return main(["report", "--results", str(self.root / "results"), *map(str, places), *flags])


@pytest.fixture
def reasons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A losses.toml of the test's own, empty."""
    monkeypatch.setattr("askwell_bench.pages.loss.files", lambda _: tmp_path)
    path = tmp_path / "losses.toml"
    path.touch()
    return path


@pytest.fixture
def folder(tmp_path: Path, reasons: Path) -> Folder:
    return Folder(tmp_path)


def peers(*ratios: float, name: str = "rival", **others: Any) -> dict[str, Any]:
    """Askwell and one other, which takes ``ratios`` of Askwell's time round by round."""
    ours = {"name": "askwell", "perplexity": 38.2, "results": {"one": {"seconds": [2.0], "ratio": []}}}
    run = {"seconds": [2.0 * each for each in ratios], "ratio": list(ratios), "equal_tokens": True}
    theirs = {"name": name, "variant": "server", "perplexity": 36.1, "results": {"one": run}}
    return {"workloads": {"one": {"requests": 1}}, "peers": [ours, theirs], "partial": False} | others


def test_loss_without_a_reason_is_refused_by_name_and_nothing_is_written(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    before = folder.readme.read_text(encoding="utf-8")
    folder.add("peers", **peers(0.8, 0.9, 0.7))
    assert folder.report() == 1
    assert "rival, server needs 0.800 of Askwell's time for one request" in capsys.readouterr().err
    assert not folder.page.exists()
    assert folder.readme.read_text(encoding="utf-8") == before


def test_loss_is_the_median_round_and_its_reason_is_filled_with_figures() -> None:
    result = Result("peers", peers(0.8, 0.9, 0.7))
    wide = Reason("rival", "any")
    narrow = Reason("rival", "{ratio} at {perplexity} against {our_perplexity}", workloads=("one",))
    stale = Reason("rival", "elsewhere", workloads=("sets",))
    losses = find_losses(result, [wide, narrow, stale])
    assert losses.told().endswith("0.800 of our time for one request.** 0.800 at 36.1 against 38.2")
    assert losses.stale == (wide, stale)
    assert not find_losses(Result("peers", peers(1.2, 0.9, 1.1)), []).unexplained
    assert find_losses(Result("peers", peers(0.8, partial=True)), [stale]).stale == ()


@pytest.mark.parametrize("why", ["it is 2.3x faster", "takes {seconds}", "4 rows fit"])
def test_reason_that_types_a_figure_is_refused(why: str, reasons: Path) -> None:
    reasons.write_text(f'[[loss]]\npeer = "rival"\nwhy = "{why}"\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"losses\.toml: rival"):
        read_reasons()


def test_missing_files_say_not_measured_and_how(folder: Folder) -> None:
    folder.add("first-token-threads-1", added_first_token_ms=3.4, threads=1)
    assert folder.report() == 0
    page = folder.page.read_text(encoding="utf-8")
    for command in ("make bench-peers bench-full", "make bench-gptj", "benchmarks/gpu/run.sh"):
        assert f"Not measured: `{command}` measures it." in page
    assert page.count("Not measured") == 18  # the sections, and the overhead at saturation
    assert "| first-token-threads-1 | 1 | +3.4 |" in page
    assert "| +3.4 ms with 1 thread |" in folder.readme.read_text(encoding="utf-8")


def test_results_of_another_shape_cost_dashes_and_no_crash(folder: Folder) -> None:
    for name in (
        "engine",
        "overhead",
        "load-a-closed",
        "gptj-decode-cpu",
        "gptj-convert-cpu",
        "gptj-gpu-a-cuda",
    ):
        folder.add(name, step="?", levels=[{"label": "1"}], runs=[{}], ours=None, set=[], partial=True)
    folder.add("peers", peers=[{"name": "askwell"}, {"name": "rival", "absent": "no wheel"}])
    assert folder.report() == 0
    page = folder.page.read_text(encoding="utf-8")
    assert "**Partial:** engine: the run ended before its end" in page
    assert "- **rival**: no wheel" in page


def test_only_what_stands_between_the_markers_changes(folder: Folder) -> None:
    folder.add("integrity", requests=64, equal=64)
    assert folder.report() == 0
    readme = folder.readme.read_text(encoding="utf-8")
    assert readme.startswith(
        "# Before\n\n<!-- results: make report -->\nMeasured on 2 logical CPUs (Some CPU, "
    )
    assert readme.endswith("<!-- end of results -->\n\nAfter\n")
    assert "requests of mixed options, float32 | 64 equal what they return alone |" in readme
    assert "9.99" not in readme
    assert "[docs/page.md](docs/page.md)" in readme


def test_readme_without_markers_is_left_alone(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.readme.write_text("no markers", encoding="utf-8")
    assert folder.report() == 2
    assert "results: make report" in capsys.readouterr().err
    assert not folder.page.exists()


def test_check_notices_a_figure_a_page_and_a_plot_that_drifted(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.add("peers", **peers(1.5, 1.6))
    assert folder.report("--check") == 1
    assert folder.report() == 0
    assert folder.report("--check") == 0
    plot = folder.plots / "peers.svg"
    drawn = plot.read_text(encoding="utf-8")
    folder.add("peers", **peers(1.5, 1.7))
    capsys.readouterr()
    assert folder.report("--check") == 1
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert all(str(path) in told for path in (folder.readme, folder.page, plot))
    assert folder.report() == 0
    assert plot.read_text(encoding="utf-8") != drawn
    plot.unlink()
    assert folder.report("--check") == 1


def test_plot_of_a_result_that_is_gone_is_removed_and_others_stay(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.add("peers", **peers(1.5))
    assert folder.report() == 0
    (folder.plots / "mine.svg").write_text("<svg/>\n", encoding="utf-8")
    (folder.root / "results" / "peers.json").unlink()
    capsys.readouterr()
    assert folder.report("--check") == 1
    assert "peers.svg" in capsys.readouterr().err
    assert folder.report() == 0
    assert [path.name for path in folder.plots.iterdir()] == ["mine.svg"]


def test_the_same_results_give_the_same_bytes(folder: Folder) -> None:
    folder.add("peers", **peers(1.5))
    folder.add("engine", step=[{"rows": 1, "context": c, "ms": float(c)} for c in (64, 128)])
    assert folder.report() == 0
    files = [folder.page, *folder.plots.iterdir()]
    before = [path.read_bytes() for path in files]
    shutil.rmtree(folder.root / "docs")
    assert folder.report() == 0
    assert [path.read_bytes() for path in files] == before


def test_invalid_level_is_marked_and_not_plotted(folder: Folder) -> None:
    times = {"count": 200, "p50": 1.0, "p90": 1.5, "p99": 2.0}
    levels = [
        {"label": f"{n} at a time", "tokens_per_s": 10.0 * n, "end_to_end_s": times, "statuses": {"OK": 200}}
        for n in (1, 2, 4)
    ]
    levels[2]["invalid"] = "the load generator was the bottleneck"
    folder.add("load-fixed-closed", workload={"name": "fixed", "loop": "closed"}, levels=levels)
    assert folder.report() == 0
    page = folder.page.read_text(encoding="utf-8")
    assert "- **Invalid: 4 at a time:** the load generator was the bottleneck." in page
    assert "| 4 at a time (invalid) |" in page
    plot = (folder.plots / "load-fixed-closed-saturation.svg").read_text(encoding="utf-8")
    assert "2 at a time" in plot
    assert "4 at a time" not in plot


def test_every_level_tells_each_latency_by_mean_and_percentiles(folder: Folder) -> None:
    spread = {"count": 20, "mean": 0.0123, "p50": 0.012, "p90": 0.02, "p99": None}
    spreads = dict.fromkeys(("first_s", "gap_s", "per_piece_s", "end_to_end_s", "outside_s"), spread)
    level = {"label": "0.4/s, burstiness 0.25", "burstiness": 0.25, "stages_s": {"queue": spread}, **spreads}
    workload = {"name": "mixed", "loop": "open"}
    folder.add("load-mixed-open-burstiness-0.25", workload=workload, levels=[level])
    assert folder.report() == 0
    page = folder.page.read_text(encoding="utf-8")
    assert "### Mixed, open loop, burstiness 0.25\n" in page
    lines = page[page.index("| 0.4/s, burstiness 0.25, ms | mean | p50 | p90 |") :].splitlines()
    figures = " | 12.3 | 12.0 | 20.0 |"
    assert [line.removesuffix(figures) for line in lines[2:8]] == [
        "| first token", "| gap between tokens, pooled", "| time per token, per request", "| end to end",
        "| server: queue", "| first token, outside the server",
    ]  # fmt: skip


def test_conversion_is_told_as_a_share_of_the_stock_converters(folder: Folder) -> None:
    ours = {"seconds": [36.8, 37.2], "peak_mb": [340.0, 340.0]}
    ratios = {"time_ratio": 0.6, "memory_ratio": 0.018}
    folder.add("gptj-convert-cpu", layers=28, checkpoint_bytes=12_100_000_000, ours=ours, **ratios)
    assert folder.report() == 0
    told = "37 s (2 runs), 340 MB of memory: 0.60 of the time and 0.018 of the memory of"
    assert f"| {told} ctranslate2's converter |" in folder.readme.read_text(encoding="utf-8")


def test_failed_stage_gives_its_reason_and_no_row_and_what_was_left_out_is_told(folder: Folder) -> None:
    folder.add("gptj-convert-cpu", layers=28, failed="No space left on device")
    run = {"threads": 1, "step": [{"rows": 1, "ms": 700.0}], "partial": ["a step of 32 rows", "a prefill"]}
    folder.add("gptj-decode-cpu", layers=28, runs=[run])
    folder.add("gptj-serve-cpu", layers=28, failed="too little memory", set={"rows": 8})
    assert folder.report() == 0
    page, readme = (path.read_text(encoding="utf-8") for path in (folder.page, folder.readme))
    assert "### Conversion to int8\n\nFailed: No space left on device\n" in page
    assert "### Served\n\nFailed: too little memory\n" in page
    assert "**Partial**, left out: a step of 32 rows; a prefill." in page
    assert readme.count("| GPT-J") == 1
    assert "| GPT-J (full size) in int8: one decoding step | 0.70 s for 1 row;" in readme


def test_gpu_figures_are_flat_and_fidelity_comes_first(folder: Folder) -> None:
    step_ms = {"median": 9.1, "quartiles": [9.0, 9.3]}
    rows = [{"rows": 1, "int8_float16": {"step_ms": step_ms, "tokens_per_s": 110.0}}]
    folder.add("gptj-gpu-decode-cuda", gpu={"name": "Some GPU"}, decode=rows, failed={"float16": "no room"})
    case = {"cpu": {"mean_kl": 0.01}, "environment": {"CT2_CUDA_TRUE_FP16_GEMM": "0"}}
    folder.add("gptj-gpu-fidelity-cuda", cases={"int8": case, "float16": case})
    folder.add("gptj-gpu-jit-cuda", failed="no driver")
    assert folder.report() == 0
    page = folder.page.read_text(encoding="utf-8")
    assert [line for line in page.splitlines() if line.startswith("### gptj-gpu")] == [
        "### gptj-gpu-fidelity-cuda", "### gptj-gpu-decode-cuda", "### gptj-gpu-jit-cuda",
    ]  # fmt: skip
    assert "| decode: rows | int8 float16 step ms | int8 float16 tokens per s |" in page
    assert "| 1 | 9.10 (9.00 to 9.30) | 110 |" in page
    assert "| cases | cpu mean kl | environment CT2_CUDA_TRUE_FP16_GEMM |" in page
    assert "| int8 | 0.0100 | 0 |" in page
    assert "- gpu name: Some GPU\n- failed float16: no room\n" in page
    assert "### gptj-gpu-jit-cuda\n\nFailed: no driver\n" in page


def test_workload_shows_who_took_part_and_what_its_ratio_compares(folder: Folder) -> None:
    shape = {"requests": 40, "rounds": 1, "ratio_of": "median end to end"}
    run = {"seconds": [40.0], "ratio": [1.5], "equal_tokens": True}
    rivals = [
        {"name": "rival", "variant": "two threads", "results": {}},
        {"name": "rival", "variant": "one thread", "results": {"mixed": run}},
        {"name": "uneven", "results": {"mixed": run | {"ratio": [0.5], "equal_tokens": False}}},
        {"name": "gone", "absent": "it died", "results": {"mixed": run}},
    ]
    ours = {"name": "askwell", "results": {"mixed": run | {"ratio": [1.0]}}}
    folder.add("peers", workloads={"mixed": shape}, peers=[ours, *rivals])
    assert folder.report() == 0
    page, readme = (path.read_text(encoding="utf-8") for path in (folder.page, folder.readme))
    assert "### Mixed lengths under Poisson load (40 requests, 1 round)" in page
    assert "|  | median end to end ÷ Askwell's | all done after, s | output tokens |" in page
    assert "One round, so no spread." in page
    assert "| rival, one thread | 1.50 | 40.0 |" in page
    assert "| rival, two threads |" not in page.partition("### Mixed")[2]
    assert "| uneven | – | 40.0 |" in page
    assert "mixed lengths under Poisson load, median end to end | rival 1.50 |" in readme


def test_numbers_keep_their_significant_digits() -> None:
    told = [number(value) for value in (0.03124, 0.9996, 4.7, 31.44, 1234.4, -3.281, 0, None)]
    assert told == ["0.0312", "1.00", "4.70", "31.4", "1,234", "−3.28", "0", "–"]


def test_table_leaves_out_columns_of_dashes() -> None:
    told = table(["", "a", "b", "c"], [["x", "1", "–", "yes|no"], ["y", "–", "–", "no"]])
    assert told == "|  | a | c |\n| --- | ---: | --- |\n| x | 1 | yes\\|no |\n| y | – | no |"


def test_readme_and_performance_page_of_this_repo_are_what_its_results_give() -> None:
    places = {"--results": "benchmarks/results", "--readme": "README.md", "--out": "docs/performance.md"}
    flags = [part for flag, path in places.items() for part in (flag, str(REPO / path))]
    assert main(["report", "--check", *flags, "--plots", str(REPO / "docs" / "plots")]) == 0
