"""The planner: rows in, plan out, no engine."""

from askwell_server.engine.planner import MIN_TAIL, Limits, forced_tokens, plan
from askwell_server.engine.row import Options, Row
from hypothesis import given
from hypothesis import strategies as st

LIMITS = Limits(rows=8, tokens=4000)
GREEDY = Options(temperature=0.0)
PENALISED = Options(temperature=0.0, repetition_penalty=1.3)
BEAMS = Options(temperature=0.0, num_beams=4)


def row(length: int, options: Options = GREEDY, new: int = 32, start: int = 0) -> Row:
    return Row(tuple(range(start, start + length)), options, new)


def chosen(rows: list[Row], limits: Limits = LIMITS) -> list[Row]:
    return [rows[i] for i in plan(rows, limits).indices]


def test_head_runs_first_whatever_else_waits() -> None:
    rows = [row(900, start=5000), *[row(10, start=i) for i in range(7)]]
    assert plan(rows, LIMITS).indices[0] == 0


def test_only_rows_with_the_heads_options_join() -> None:
    rows = [row(20), row(20, PENALISED), row(20, start=50)]
    assert plan(rows, LIMITS).indices == (0, 2)


def test_equal_lengths_join_before_unequal_ones() -> None:
    rows = [row(20, start=100 * i) for i in range(4)] + [row(24, start=900), row(20, start=1000)]
    assert set(plan(rows, Limits(rows=5, tokens=4000)).indices) == {0, 1, 2, 3, 5}


def test_a_far_longer_row_waits_for_its_own_batch() -> None:
    assert chosen([row(20), row(900, start=5000)]) == [row(20)]


def test_a_slightly_longer_row_joins() -> None:
    assert len(chosen([row(20), row(23, start=500)])) == 2


def test_rows_that_see_forced_tokens_join_only_at_equal_length() -> None:
    rows = [row(20, PENALISED), row(21, PENALISED), row(20, PENALISED, start=90)]
    assert plan(rows, LIMITS).indices == (0, 2)


def test_beams_join_only_with_equal_length_and_limit() -> None:
    rows = [row(20, BEAMS), row(20, BEAMS, new=8), row(21, BEAMS), row(20, BEAMS, start=90)]
    assert plan(rows, LIMITS).indices == (0, 3)


def test_one_token_rows_join_only_each_other() -> None:
    assert plan([row(1), row(2), row(1, start=9)], LIMITS).indices == (0, 2)
    assert plan([row(2), row(1), row(2, start=9)], LIMITS).indices == (0, 2)


def test_shared_prefix_leaves_every_row_two_tokens() -> None:
    made = plan([row(40), row(40), row(44)], LIMITS)
    assert made.prefix == 40 - MIN_TAIL


def test_a_short_common_beginning_is_no_prefix() -> None:
    beginning = tuple(range(10))
    rows = [Row((*beginning, *range(100 * i, 100 * i + 10)), GREEDY, 32) for i in range(1, 4)]
    assert plan(rows, LIMITS) == type(plan(rows, LIMITS))((0, 1, 2), 0)


def test_rows_of_one_long_prefix_are_not_mixed_with_another() -> None:
    one, two = tuple(range(1000, 1300)), tuple(range(2000, 2300))
    rows = [Row((*(one, two)[i % 2], i, i + 1, i + 2), GREEDY, 32) for i in range(8)]
    made = plan(rows, Limits(rows=16, tokens=8192))
    assert made.indices[0] == 0 and set(made.indices) == {0, 2, 4, 6}
    assert made.prefix == 300


def test_forced_tokens_count_what_is_beyond_the_shortest() -> None:
    assert forced_tokens([row(20), row(23), row(21)]) == [0, 3, 1]


prompts = st.lists(st.integers(0, 2), min_size=1, max_size=40).map(tuple)
waiting_rows = st.lists(
    st.builds(Row, prompts, st.sampled_from([GREEDY, PENALISED, BEAMS]), st.integers(1, 64)),
    min_size=1,
    max_size=24,
)
limits = st.builds(Limits, st.integers(1, 8), st.integers(1, 400), st.integers(1, 4000))


@given(waiting_rows, limits)
def test_every_plan_is_one_that_the_engine_survives(waiting: list[Row], limits: Limits) -> None:
    made = plan(waiting, limits)
    rows = [waiting[i] for i in made.indices]
    assert made.indices[0] == 0 and len(set(made.indices)) == len(rows) <= limits.rows
    assert len({r.options for r in rows}) == 1
    assert len({r.prompt[: made.prefix] for r in rows}) == 1
    tails = [len(r.prompt) - made.prefix for r in rows]
    assert min(tails) >= MIN_TAIL or (made.prefix == 0 and set(tails) == {1})
    if rows[0].options.sees_forced_tokens or rows[0].options.num_beams > 1:
        assert len(set(tails)) == 1
    if len(rows) > 1:
        assert sum(len(r.prompt) + r.max_new_tokens for r in rows) <= limits.tokens
        assert len(rows) * max(len(r.prompt) for r in rows) ** 2 <= limits.scores
