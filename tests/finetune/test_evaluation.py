"""What two models are compared on."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
from askwell_finetune.evaluation.judged import ranks, shares, specificities, varieties
from askwell_finetune.evaluation.trial import Sitting, asked, like_for_like
from askwell_finetune.evaluation.verdict import differences_of_draws, paired


def sitting(role: str, resume: str, firsts: dict[str, list[str]], items: tuple[str, ...]) -> Sitting:
    interview: Any = SimpleNamespace(open_items=items)
    return Sitting(role, resume, interview, tries=Counter(dict.fromkeys(items, 4)), firsts=firsts)


def question(text: str) -> Any:
    return SimpleNamespace(text=text)


ITEMS = ("core-1", "probe-1", "probe-2")
ONE = sitting("cook", "sauces and ovens", {"core-1": ["a", "b", "c"], "probe-2": ["d"]}, ITEMS)
OTHER = sitting("cook", "sauces and ovens", {"core-1": ["e"], "probe-1": ["f"], "probe-2": ["g", "h"]}, ITEMS)


def test_the_same_items_are_compared_and_equally_many_texts_of_each() -> None:
    assert like_for_like([ONE], [OTHER]) == ([[["a"], ["d"]]], [[["e"], ["g"]]])


def test_of_questions_asked_the_same_items_are_compared() -> None:
    one, other = (sitting("cook", "", {}, ITEMS) for _ in range(2))
    one.questions = {item: question(f"{item}?") for item in ITEMS[:2]}
    other.questions = {item: question(f"{item}!") for item in ITEMS[1:]}
    assert asked([one], [other]) == ([[["probe-1?"]]], [[["probe-1!"]]])


def test_a_share_counts_every_first_try() -> None:
    assert shares([ONE], first=True) == [[3 / 4, 0, 1 / 4]]


def test_specificity_is_of_each_item_and_higher_for_the_own_resume() -> None:
    other = sitting("nurse", "wards and wounds", {"core-1": ["How do you dress wounds?"]}, ITEMS)
    own = sitting("cook", "sauces and ovens", {"core-1": ["Which sauces?", "Which ovens?"]}, ITEMS)
    cook, nurse = specificities([own, other], [[own.firsts["core-1"]], [other.firsts["core-1"]]], None)
    assert len(cook) == 1 and cook[0] > 0.5 and nurse[0] > 0.3
    strange = [[["How do you dress wounds?"]], [["Which sauces?"]]]
    assert specificities([own, other], strange, None)[0][0] < -0.3


def test_a_role_without_questions_keeps_its_place() -> None:
    """Or two models could not be compared role by role."""
    silent = sitting("nurse", "wards and wounds", {}, ITEMS)
    assert ranks([ONE, silent], None) == [[], []]


def test_draws_of_two_sides_are_of_the_same_items() -> None:
    """So the same texts on both sides differ by nothing, and repetition on one side shows in every draw."""
    sittings = [sitting(str(n), "", {}, ITEMS) for n in range(4)]
    various = [[[f"how {n} {m} do you fare with wares"] for m in range(4)] for n in range(4)]
    alike = [[["how do you fare with wares"] for _ in range(4)] for _ in range(4)]
    one = varieties(sittings, various)
    assert differences_of_draws(one, varieties(sittings, various))["self_bleu"].high == 0
    assert differences_of_draws(one, varieties(sittings, alike))["self_bleu"].low > 0
    assert differences_of_draws(one, None) == {} and varieties(sittings[:1], [[["a"]]]) is None


def test_paired_difference_is_over_roles() -> None:
    found = paired([[0.0, 0.0], [1.0, 1.0]], [[0.5, 0.5], [1.5, 1.5]])
    assert found is not None and np.allclose([found.mean, found.low, found.high], 0.5)
