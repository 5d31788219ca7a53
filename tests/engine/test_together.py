import pytest
from askwell_server.engine.cost import CostModel
from askwell_server.engine.row import Options, Row
from askwell_server.engine.together import together_s

# A prompt token takes 1 s, a step of any number of rows 10 s.
COST = CostModel(0.0, 1.0, 0.0, 10.0, 0.0, 0.0)


def rows(*prompts: tuple[int, ...]) -> list[Row]:
    return [Row(prompt=prompt, options=Options(), max_new_tokens=2) for prompt in prompts]


def seconds(*prompts: tuple[int, ...], lanes: int = 1, row_limit: int = 8) -> float:
    return together_s(rows(*prompts), COST, lambda row: 2, lanes=lanes, row_limit=row_limit)


def test_a_shared_beginning_is_paid_once() -> None:
    assert seconds((1, 2, 3, 4)) == 4 + 20
    assert seconds((1, 2, 3, 4), (1, 2, 3, 5)) == 3 + 2 + 20
    # Whole prompts that are alike leave one token each.
    assert seconds((1, 2, 3, 4), (1, 2, 3, 4)) == 3 + 2 + 20


def test_rows_that_begin_alike_are_put_together_and_lanes_run_side_by_side() -> None:
    mixed = (1, 1, 1), (2, 2, 2), (1, 1, 2), (2, 2, 1)
    assert seconds(*mixed, row_limit=2) == 2 * (2 + 2 + 20)
    assert seconds(*mixed, lanes=2) == 2 + 2 + 20
    with pytest.raises(ValueError, match="lane"):
        seconds((1,), lanes=0)
