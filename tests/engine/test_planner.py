"""The planner: rows in, plan out, no engine."""

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import pytest
from askwell_server.engine.baseline import equal_length, fifo
from askwell_server.engine.cost import CostModel
from askwell_server.engine.planner import MIN_TAIL, Limits, Plan, forced_tokens, plan
from askwell_server.engine.row import Options, Row
from askwell_server.engine.search import Group, Search, work_s
from hypothesis import given
from hypothesis import strategies as st

COST = CostModel(8e-3, 0.35e-3, 0.8e-6, 9e-3, 0.4e-3, 0.03e-3)  # of a small model on two cores
LIMITS = Limits(rows=8, tokens=4000)
WIDE = Limits(rows=16, tokens=1 << 20)
GREEDY = Options(temperature=0.0)
PENALISED = Options(temperature=0.0, repetition_penalty=1.3)
BEAMS = Options(temperature=0.0, num_beams=4)
REPRODUCIBLE = Options(temperature=0.0, reproducible=True)


def row(length: int, options: Options = GREEDY, new: int = 32, start: int = 0, least: int = 0) -> Row:
    return Row(tuple(range(start, start + length)), options, new, least)


def rows_of(*shapes: tuple[int, int]) -> list[Row]:
    """Rows of these prompt and new tokens that share no beginning."""
    return [row(length, new=new, start=10_000 * i) for i, (length, new) in enumerate(shapes)]


def planned(rows: list[Row], limits: Limits = LIMITS) -> Plan:
    return plan(rows, limits, COST)


# Who may share a batch.


def test_head_runs_first_whatever_else_waits() -> None:
    rows = [row(900, start=5000), *[row(10, start=i) for i in range(7)]]
    assert planned(rows).indices[0] == 0


def test_only_rows_with_the_heads_options_join() -> None:
    rows = [row(20), row(20, PENALISED), row(20, start=50)]
    assert planned(rows).indices == (0, 2)


def test_rows_that_see_forced_tokens_join_only_at_equal_length() -> None:
    rows = [row(20, PENALISED), row(21, PENALISED), row(20, PENALISED, start=90)]
    assert planned(rows).indices == (0, 2)


def test_beams_join_only_with_equal_length_and_limit() -> None:
    rows = [row(20, BEAMS), row(20, BEAMS, new=8), row(21, BEAMS), row(20, BEAMS, start=90)]
    assert planned(rows).indices == (0, 3)


def test_one_token_rows_join_only_each_other() -> None:
    assert planned([row(1), row(2), row(1, start=9)]).indices == (0, 2)
    assert planned([row(2), row(1), row(2, start=9)]).indices == (0, 2)


def test_reproducible_rows_share_no_prefix_and_join_only_at_equal_length() -> None:
    rows = [row(60, REPRODUCIBLE), row(61, REPRODUCIBLE), row(60, REPRODUCIBLE)]
    made = plan(rows, LIMITS, COST, registered=[tuple(range(40))])
    assert (made.indices, made.prefix, made.cached) == ((0, 2), 0, False)


def test_rows_of_different_minima_do_not_join_but_rows_of_fixed_length_do() -> None:
    rows = [row(20, new=32, least=8), row(20, new=32, least=9, start=50), row(20, new=8, least=8, start=90)]
    rows.append(row(20, new=16, least=16, start=130))
    made = planned(rows)
    assert (made.indices, made.min_new_tokens) == ((0, 2), 8)


def test_fixed_lengths_share_the_longest_as_their_minimum() -> None:
    rows = [row(20, new=30, least=30), row(20, new=32, least=32, start=90), row(20, new=31, start=50)]
    made = planned(rows)
    assert (made.indices, made.min_new_tokens) == ((0, 1), 32)


def test_a_head_of_fixed_length_joins_those_who_ask_for_at_least_as_much() -> None:
    made = planned([row(20, new=30, least=30), *(row(20, new=32, least=31, start=90 * i) for i in (1, 2, 3))])
    assert (made.indices, made.min_new_tokens) == ((0, 1, 2, 3), 31)


# Which of them do.


def test_equal_lengths_join_before_unequal_ones() -> None:
    rows = [row(20, start=100 * i) for i in range(4)] + [row(24, start=900), row(20, start=1000)]
    assert set(planned(rows, Limits(rows=5, tokens=4000)).indices) == {0, 1, 2, 3, 5}


def test_a_far_longer_row_waits_for_its_own_batch() -> None:
    assert planned(rows_of((20, 32), (900, 32))).indices == (0,)


def test_a_slightly_longer_row_joins() -> None:
    assert planned(rows_of((20, 32), (23, 32))).indices == (0, 1)


def test_a_short_row_does_not_join_one_that_would_be_slowed_down() -> None:
    """Their seconds per row would be fewer together, but for both to end it takes longer."""
    shapes = [(300, 200), (220, 20)]
    rows = rows_of(*shapes)
    apart = [COST.batch_s([shape]) for shape in shapes]
    assert COST.batch_s(shapes) / 2 < apart[0] and COST.batch_s(shapes) > sum(apart)
    assert planned(rows).indices == (0,)


def test_fewer_rows_run_where_more_gain_next_to_nothing() -> None:
    per_row_only = CostModel(1e-3, 1e-3, 0, 1e-3, 10e-3, 0)
    rows = rows_of(*[(50, 20)] * 16)
    assert len(plan(rows, WIDE, per_row_only).indices) <= 4
    assert len(plan(rows, WIDE, CostModel(1e-3, 1e-3, 0, 100e-3, 1e-3, 0)).indices) == 16


def test_one_row_of_a_set_is_not_left_behind() -> None:
    rows = [Row((*range(240), *range(1000 * i, 1000 * i + 16)), GREEDY, 40) for i in range(1, 9)]
    made = planned(rows, WIDE)
    assert (len(made.indices), made.prefix) == (8, 240)


# Prefixes.


def test_shared_prefix_leaves_every_row_two_tokens() -> None:
    assert planned([row(90), row(90), row(92)]).prefix == 90 - MIN_TAIL


def test_a_short_common_beginning_is_no_prefix() -> None:
    beginning = tuple(range(10))
    rows = [Row((*beginning, *range(100 * i, 100 * i + 10)), GREEDY, 32) for i in range(1, 4)]
    made = plan(rows, LIMITS, replace(COST, prefill_call_s=0.0))
    assert (made.indices, made.prefix) == ((0, 1, 2), 0)


def test_rows_of_one_long_prefix_are_not_mixed_with_another() -> None:
    one, two = tuple(range(1000, 1300)), tuple(range(2000, 2300))
    rows = [Row((*(one, two)[i % 2], i, i + 1, i + 2), GREEDY, 32) for i in range(8)]
    made = planned(rows, WIDE)
    assert (made.indices, made.prefix) == ((0, 2, 4, 6), 300)


def test_one_larger_batch_beats_two_of_short_prefixes_where_rows_are_cheap() -> None:
    one, two = tuple(range(1000, 1020)), tuple(range(2000, 2020))
    rows = [Row((*(one, two)[i % 2], *range(100 * i, 100 * i + 20)), GREEDY, 32) for i in range(8)]
    assert planned(rows, WIDE).prefix == 0 and len(planned(rows, WIDE).indices) == 8


def test_the_longest_registered_prefix_of_the_head_is_used_when_it_is_cheaper() -> None:
    text = tuple(range(300))
    rows = [Row((*text, *range(1000 * i, 1000 * i + 9)), GREEDY, 32) for i in (1, 2)]
    made = plan(rows, LIMITS, COST, registered=[text[:100], text[:280], (7,) * 290])
    assert (made.indices, made.prefix, made.cached) == ((0, 1), 280, True)
    made = plan(rows, LIMITS, COST, registered=[text[:30]])
    assert (made.prefix, made.cached) == (300, False)
    assert plan([rows[0]], LIMITS, COST, registered=[rows[0].prompt[:-1]]).cached is False


def test_forced_tokens_count_what_is_beyond_the_shortest() -> None:
    assert forced_tokens([row(20), row(23), row(21)]) == [0, 3, 1]


# Deadlines.


def test_no_row_joins_that_makes_another_miss_its_deadline() -> None:
    shapes = [(200, 40)] * 8
    rows = rows_of(*shapes)
    pressed = Row(rows[0].prompt, GREEDY, 40, deadline_s=100.0 + COST.batch_s(shapes[:4]) + 1e-6)
    made = plan([pressed, *rows[1:]], WIDE, COST, now_s=100.0)
    assert len(made.indices) == 4
    assert len(plan([rows[0], pressed, *rows[2:]], WIDE, COST, now_s=100.0).indices) == 4


def test_a_deadline_that_is_lost_anyway_holds_up_nobody() -> None:
    lost = [Row(each.prompt, GREEDY, 40, deadline_s=100.1) for each in rows_of(*[(200, 40)] * 8)]
    assert len(plan(lost, WIDE, COST, now_s=100.0).indices) == 8


# How good the choice is.


def subsets(count: int) -> Iterator[tuple[int, ...]]:
    for size in range(count):
        for mates in combinations(range(1, count), size):
            yield (0, *mates)


@pytest.mark.parametrize("seed", range(12))
def test_search_finds_the_best_of_all_batches(seed: int) -> None:
    """Exactly: where the head allows a ratio better than the first guess the least ratio, else the most that
    is gained at the guess."""
    draw = random.Random(seed)
    shapes = [(draw.randint(20, 200), draw.randint(8, 80)) for _ in range(9)]
    work = [work_s(shape, COST) for shape in shapes]
    search = Search(shapes, [sum(shape) for shape in shapes], Limits(5, 1 << 20), COST)
    alone = COST.batch_s(shapes[:1]) / work[0]
    found = search.best([Group(range(1, 9))], alone)
    guess = math.sqrt(alone)

    def score(batch: tuple[int, ...], ratio: float) -> float:
        return ratio * sum(work[i] for i in batch) - COST.batch_s([shapes[i] for i in batch])

    batches = [each for each in subsets(9) if len(each) <= 5]
    least = min(COST.batch_s([shapes[i] for i in b]) / sum(work[i] for i in b) for b in batches)
    ratio = min(guess, least)
    assert score(found, ratio) == pytest.approx(max(score(b, ratio) for b in batches), abs=1e-9)


def partitions(items: tuple[int, ...]) -> Iterator[list[tuple[int, ...]]]:
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for size in range(len(rest) + 1):
        for mates in combinations(rest, size):
            left = tuple(i for i in rest if i not in mates)
            for others in partitions(left):
                yield [(first, *mates), *others]


def test_a_queue_is_emptied_in_little_more_than_the_least_time() -> None:
    """Seven rows of mixed lengths, against all 877 ways to run them."""
    factors = []
    for seed in range(6):
        draw = random.Random(seed)
        shapes = [(round(32 * 32 ** draw.random()), round(16 * 16 ** draw.random())) for _ in range(7)]
        known: dict[tuple[int, ...], float] = {}
        least = min(
            sum(known.setdefault(b, COST.batch_s([shapes[i] for i in b])) for b in way)
            for way in partitions(tuple(range(7)))
        )
        rows, taken = rows_of(*shapes), 0.0
        while rows:
            made = planned(rows, WIDE)
            taken += made.seconds
            rows = [each for i, each in enumerate(rows) if i not in made.indices]
        factors.append(taken / least)
    assert max(factors) < 1.15 and sum(factors) / len(factors) < 1.06, factors


# Any rows.

prompts = st.lists(st.integers(0, 2), min_size=1, max_size=60).map(tuple)
repeated = st.builds(lambda times, tail: (1,) * times + tail, st.integers(0, 60), prompts)
waiting_rows = st.lists(
    st.builds(
        lambda prompt, options, new, least, deadline_s: Row(
            prompt, options, new, min(least, new), deadline_s=deadline_s
        ),
        st.one_of(prompts, repeated),
        st.sampled_from([GREEDY, PENALISED, BEAMS, REPRODUCIBLE]),
        st.integers(1, 64),
        st.sampled_from([0, 0, 4, 64]),
        st.one_of(st.none(), st.floats(0, 3)),
    ),
    min_size=1,
    max_size=24,
)
limits = st.builds(Limits, st.integers(1, 8), st.integers(1, 400), st.integers(1, 4000))


@pytest.mark.parametrize("planner", [plan, equal_length, fifo])
@given(waiting=waiting_rows, limits=limits)
def test_every_plan_is_one_that_the_engine_survives(planner, waiting, limits) -> None:
    registered = [(1,) * 20, (1,) * 40]
    made = planner(waiting, limits, COST, 0.0, registered)
    rows = [waiting[i] for i in made.indices]
    assert made.indices[0] == 0 and len(set(made.indices)) == len(rows) <= limits.rows
    assert len({r.options for r in rows}) == 1
    assert len({r.prompt[: made.prefix] for r in rows}) == 1
    assert not made.cached or rows[0].prompt[: made.prefix] in registered
    tails = [len(r.prompt) - made.prefix for r in rows]
    assert min(tails) >= MIN_TAIL or (made.prefix == 0 and set(tails) == {1})
    if rows[0].options.equal_lengths:
        assert len(set(tails)) == 1
    if rows[0].options.num_beams > 1:
        assert len({r.max_new_tokens for r in rows}) == 1
    assert not (rows[0].options.reproducible and made.prefix)
    for each in rows:
        if each.min_new_tokens < each.max_new_tokens:
            assert each.min_new_tokens == made.min_new_tokens
        else:
            assert each.max_new_tokens <= made.min_new_tokens
    if len(rows) > 1:
        assert sum(len(r.prompt) + r.max_new_tokens for r in rows) <= limits.tokens
        assert len(rows) * max(len(r.prompt) for r in rows) ** 2 <= limits.scores
    shapes = [(len(r.prompt), r.max_new_tokens) for r in rows]
    cost = COST.with_beams(rows[0].options.num_beams)
    assert made.seconds == cost.batch_s(shapes, made.prefix, cached=made.cached)


def test_fifo_takes_the_next_in_order_and_equal_length_only_those() -> None:
    rows = rows_of((20, 8), (400, 8), (20, 80), (21, 8))
    assert fifo(rows, LIMITS, COST).indices == (0, 1, 2, 3)
    assert equal_length(rows, LIMITS, COST).indices == (0, 2)


def test_beams_take_as_many_seats_and_as_much_cache_as_they_are() -> None:
    rows = [row(20, BEAMS, start=100 * i) for i in range(8)]
    assert len(planned(rows, Limits(rows=16, tokens=1 << 20)).indices) == 4
    assert len(planned(rows, Limits(rows=64, tokens=2 * 4 * 52)).indices) == 2
    alone = planned(rows[:1], WIDE)
    assert alone.seconds > 1.3 * planned([row(20)], WIDE).seconds


def test_plan_goes_by_what_rows_are_expected_to_write_and_bounds_what_they_may() -> None:
    rows = rows_of((100, 1000), (20, 1000))
    together = plan(rows, WIDE, COST)
    short = plan(rows, WIDE, COST, expect=lambda _: 20)
    assert together.indices == (0, 1) and short.indices == (0,)  # 80 forced steps are little, or much
    assert short.seconds < together.seconds / 10
    bounded = plan(rows_of((20, 1000), (20, 1000)), Limits(16, 1500), COST, expect=lambda _: 20)
    assert bounded.indices == (0,)
