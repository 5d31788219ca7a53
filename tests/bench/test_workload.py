"""What a load run asks for, and when: the same again for the same seed."""

from pathlib import Path

import numpy as np
import pytest
from askwell_bench.load.arrival import gamma_arrivals
from askwell_bench.load.level import Level, levels_from_text
from askwell_bench.load.trace import TraceEntry, read_trace
from askwell_bench.load.workload import Vocabulary, mixed, preamble, questions, sets, traced
from askwell_bench.load.workload_file import read_workload

VOCABULARY = Vocabulary(size=50_400, positions=2048)
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
WORKLOADS = EXAMPLES.parent / "benchmarks" / "workloads"


def test_same_seed_gives_the_same_work_and_another_seed_other_work() -> None:
    assert mixed(VOCABULARY, 20, seed=3) == mixed(VOCABULARY, 20, seed=3)
    assert mixed(VOCABULARY, 20, seed=3) != mixed(VOCABULARY, 20, seed=4)


def test_preamble_is_all_that_prompts_share() -> None:
    work = preamble(VOCABULARY, 30, 0, shared_tokens=40, prompt_tokens=8, new_tokens=16)
    assert len({each.prompt[:40] for each in work}) == 1
    assert len({each.prompt[40] for each in work}) > 25
    assert {(len(each.prompt), each.min_new_tokens, each.new_tokens) for each in work} == {(48, 16, 16)}


def test_mixed_lengths_are_log_normal_within_bounds_and_of_exact_outputs() -> None:
    work = mixed(VOCABULARY, 2000, seed=0)
    prompts, news = [len(each.prompt) for each in work], [each.new_tokens for each in work]
    assert (min(prompts) >= 32, max(prompts) <= 1024, min(news) >= 16, max(news) <= 256) == (True,) * 4
    assert np.median(prompts) == pytest.approx((32 * 1024) ** 0.5, rel=0.1)
    assert np.median(news) == pytest.approx((16 * 256) ** 0.5, rel=0.1)
    assert all(each.min_new_tokens == each.new_tokens for each in work)
    small = mixed(Vocabulary(336, 256), 200, seed=0)
    assert max(len(each.prompt) + each.new_tokens for each in small) <= 256


def test_prompts_of_a_set_share_their_beginning_and_no_two_sets_do() -> None:
    lengths = {"rows": 3, "shared_tokens": 20, "tail_tokens": 4, "new_tokens": 6}
    first, second = sets(VOCABULARY, 2, seed=0, **lengths)
    for each in (first, second):
        assert len(each.prompts) == len(set(each.prompts)) == 3 and each.new_tokens == 6
        assert {len(prompt) for prompt in each.prompts} == {24}
        assert len({prompt[:20] for prompt in each.prompts}) == 1
    assert first.prompts[0][:20] != second.prompts[0][:20]


@pytest.mark.parametrize("path", sorted(WORKLOADS.glob("*.toml")), ids=lambda path: path.stem)
def test_workload_files_of_the_repository_are_whole(path: Path) -> None:
    file = read_workload(path)
    assert len(file.work(VOCABULARY, 3, seed=0)) == 3
    assert file.allowed(100) == 5 and file.limits.first_s and file.limits.end_to_end_s


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind = 'nonsense'", "kind must be one of fixed, interviews, mixed, sets"),
        ("kind = 'fixed'\nprompt_tokens = 8", "new_tokens must be a whole number from 1"),
        ("kind = 'mixed'\nconcurrency = 4", "lacks the table"),
        (
            "kind = 'mixed'\nconcurrency = 4\n[limits]\nfirst_token_s = 0",
            "first_token_s must be seconds above 0",
        ),
        (
            "kind = 'mixed'\nrows = 8\nconcurrency = 4\n[limits]\nfirst_token_s = 1\nend_to_end_s = 2",
            "'rows' means",
        ),
        ("kind = ", "is not TOML"),
    ],
)
def test_broken_workload_file_is_one_line(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text(text)
    with pytest.raises(ValueError, match=told):
        read_workload(tmp_path / "w.toml")


def test_prompts_that_do_not_fit_the_model_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="2000 and 49 new tokens exceed the model's 2048 positions"):
        preamble(VOCABULARY, 1, 0, 1000, 1000, 49)


def test_every_example_job_has_its_resume() -> None:
    work = questions(EXAMPLES, 7)
    assert [each.job.stem for each in work] == [each.resume.stem for each in work]
    assert len(set(work)) == 6 and work[6] == work[0]
    with pytest.raises(ValueError, match="holds no jobs"):
        questions(EXAMPLES / "jobs", 1)


@pytest.mark.parametrize("burstiness", [0.25, 1.0, 4.0])
def test_arrivals_keep_their_rate_and_their_burstiness(burstiness: float) -> None:
    offsets = gamma_arrivals(5.0, burstiness, 20_000, seed=1)
    gaps = np.diff(offsets)
    assert gaps.mean() == pytest.approx(1 / 5.0, rel=0.05)
    assert gaps.std() / gaps.mean() == pytest.approx(burstiness**-0.5, rel=0.05)  # of a gamma distribution
    assert offsets == gamma_arrivals(5.0, burstiness, 20_000, seed=1)


def test_trace_is_replayed_in_order_from_its_first_request(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(
        '{"at_s": 7.5, "prompt_tokens": 30, "new_tokens": 4}\n\n'
        '{"at_s": 5, "prompt_tokens": 9, "new_tokens": 8}\n'
    )
    entries = read_trace(path, positions=64)
    assert entries == [TraceEntry(0.0, 9, 8), TraceEntry(2.5, 30, 4)]
    work = traced(VOCABULARY, entries, seed=0)
    assert [(len(each.prompt), each.new_tokens, each.min_new_tokens) for each in work] == [
        (9, 8, 8),
        (30, 4, 4),
    ]


def test_broken_lines_of_a_trace_are_named(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(
        '{"at_s": 0, "prompt_tokens": 9, "new_tokens": 8}\n'
        "nonsense\n"
        '{"at_s": NaN, "prompt_tokens": 9, "new_tokens": 8}\n'
        '{"at_s": 1, "prompt_tokens": 9.5, "new_tokens": 8}\n'
        '{"at_s": 1, "prompt_tokens": 60, "new_tokens": 8}\n'
        "[]\n" + "nonsense\n" * 3
    )
    with pytest.raises(ValueError) as refusal:
        read_trace(path, positions=64)
    for told in (
        "line 2: not JSON", "line 3: at_s", "line 4: prompt_tokens",
        "line 5: 60 + 8 tokens exceed the model's 64 positions", "line 6: not a JSON object", "and 3 more",
    ):  # fmt: skip
        assert told in str(refusal.value)


def test_levels_are_whole_numbers_at_a_time_or_rates_above_zero() -> None:
    assert levels_from_text("1,4", "closed", 1.0) == [Level("closed", 1), Level("closed", 4)]
    assert levels_from_text("0.5", "open", 0.5) == [Level("open", 0.5, 0.5)]
    for text in ("1.5", "0", "", "1,,2", "-1", "many"):
        with pytest.raises(ValueError, match="is not a list of whole numbers"):
            levels_from_text(text, "closed", 1.0)
