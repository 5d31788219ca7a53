"""When a running batch makes room for those who wait."""

from dataclasses import replace

from askwell_server.engine.cost import CostModel
from askwell_server.engine.cut import continued, worth_cutting
from askwell_server.engine.planner import Limits
from askwell_server.engine.row import Options, Priority, Row

COST = CostModel(8e-3, 0.35e-3, 0.8e-6, 9e-3, 0.4e-3, 0.03e-3)
LIMITS = Limits(rows=16, tokens=1 << 20)
GREEDY = Options(temperature=0.0)
PENALISED = Options(temperature=0.0, repetition_penalty=1.3)


def row(length: int, new: int, start: int = 0, options: Options = GREEDY) -> Row:
    return Row(tuple(range(start, start + length)), options, new)


def cut(live: list[Row], waiting: list[Row], ran_s: float = 2.5, cost: CostModel = COST) -> bool:
    return worth_cutting(live, 100.0, waiting, LIMITS, cost, 100.0 + ran_s, 2.0)


LAST = [row(100, 200)]  # the last row of a batch, with a long way to go
SHORT = [row(100, 20, start=1000 * i) for i in range(1, 9)]


def test_continued_row_has_what_it_wrote_in_its_prompt() -> None:
    made = continued(replace(row(3, 10), min_new_tokens=4, tenant="a"), [7, 8, 9, 9, 9])
    assert made.prompt == (0, 1, 2, 7, 8, 9, 9, 9)
    assert (made.max_new_tokens, made.min_new_tokens, made.tenant) == (5, 0, "a")


def test_a_long_last_row_makes_room_for_many_short_ones() -> None:
    assert cut(LAST, SHORT)


def test_nobody_is_cut_before_its_time_or_for_nobody() -> None:
    assert not cut(LAST, SHORT, ran_s=1.9)
    assert not cut(LAST, [])
    assert not cut([], SHORT)


def test_a_batch_that_is_nearly_done_is_not_cut() -> None:
    assert not cut([row(300, 5, start=50 * i) for i in range(4)], SHORT)


def test_rows_that_cannot_be_continued_are_not_cut() -> None:
    assert not cut([row(100, 200, options=PENALISED)], [replace(each, options=PENALISED) for each in SHORT])


def test_a_batch_runs_for_several_times_what_cutting_it_costs() -> None:
    calls_dear = CostModel(0.0, 0.5e-3, 0.0, 0.1, 0.0, 0.0)
    last, short = [row(1500, 300)], [row(1500, 20, start=10_000 * i) for i in range(1, 9)]
    prefill_s = 0.75
    assert not cut(last, short, ran_s=3.9 * prefill_s, cost=calls_dear)
    assert cut(last, short, ran_s=4.1 * prefill_s, cost=calls_dear)


def test_urgent_rows_need_not_wait_as_long_and_count_for_more() -> None:
    live = [replace(row(250, 100, start=1000 * i), priority=Priority.BATCH) for i in range(2)]
    waiting = replace(row(60, 100, start=9000), priority=Priority.BATCH)
    urgent = replace(waiting, priority=Priority.INTERACTIVE)
    assert not cut(live, [waiting]) and cut(live, [urgent])
    assert cut(live, [urgent], ran_s=1.5) and not cut(live, [urgent], ran_s=0.4)


def test_no_row_is_cut_that_would_miss_its_deadline_for_it() -> None:
    end_s = 102.5 + COST.batch_s([(100, 200)]) - COST.prefill_s(1, 100)
    assert cut([replace(LAST[0], deadline_s=end_s + 60)], SHORT)
    assert not cut([replace(LAST[0], deadline_s=end_s + 0.01)], SHORT)


def test_samples_of_one_prompt_are_all_followed() -> None:
    """The same row object eight times is eight rows."""
    assert cut(LAST * 2, [SHORT[0]] * 8) == cut(
        [LAST[0], replace(LAST[0])], [replace(SHORT[0]) for _ in range(8)]
    )
