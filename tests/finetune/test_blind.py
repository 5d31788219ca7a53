"""The blind sheet: votes are counted by the key of their own sheet alone."""

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from askwell_finetune.evaluation.blind import count_votes, sheet


def sitting(*texts: str) -> Any:
    items = [SimpleNamespace(id=str(number), reason="<why>") for number in range(len(texts))]
    questions = {item.id: SimpleNamespace(text=text) for item, text in zip(items, texts, strict=True) if text}
    plan = SimpleNamespace(items=items)
    return SimpleNamespace(role="baker", interview=SimpleNamespace(plan=plan), questions=questions)


BEFORE = [sitting("old one", "old two", "the same", "old four")]
AFTER = [sitting("new one", "new two", "the same", "")]


def votes(page: str, **chosen: str) -> str:
    """As the page's button saves them."""
    found = re.search(r'<body data-sheet="(\w+)">', page)
    assert found
    return json.dumps({"sheet": found[1], **{name.replace("_", "-"): each for name, each in chosen.items()}})


def side_of(page: str, pair: str, text: str) -> str:
    found = re.search(rf'name="{pair}" value="(\w+)"> {text}<', page)
    assert found
    return found[1]


@pytest.mark.parametrize("seed", range(4))
def test_votes_go_to_the_model_whose_text_was_chosen(seed: int) -> None:
    page, key = sheet(BEFORE, AFTER, seed)
    assert set(key) == {"sheet", "pair-1", "pair-2"}  # not the pairs that are the same or have one side
    assert "&lt;why&gt;" in page
    filled = votes(page, pair_1=side_of(page, "pair-1", "new one"), pair_2=side_of(page, "pair-2", "old two"))
    assert count_votes(filled, json.dumps(key)) == {"tuned": 1, "untuned": 1, "neither": 0}
    assert count_votes(votes(page, pair_1="neither"), json.dumps(key))["neither"] == 1


def test_votes_of_another_sheet_are_refused() -> None:
    _, key = sheet(BEFORE, AFTER, 0)
    other, _ = sheet(BEFORE, [sitting("new one", "newer", "the same", "")], 0)
    with pytest.raises(ValueError, match="of another sheet"):
        count_votes(votes(other, pair_1="A"), json.dumps(key))
    # The same texts, but not on the same sides.
    turned = next(
        page for page, its in (sheet(BEFORE, AFTER, seed) for seed in range(1, 20)) if {**its, **key} != its
    )
    with pytest.raises(ValueError, match="of another sheet"):
        count_votes(votes(turned, pair_1="A"), json.dumps(key))


@pytest.mark.parametrize("letter", ["C", "a", "", None, ["A"]])
def test_letter_that_the_sheet_lacks_is_refused(letter: Any) -> None:
    page, key = sheet(BEFORE, AFTER, 0)
    with pytest.raises(ValueError, match="pair-1"):
        count_votes(votes(page, pair_1=letter), json.dumps(key))


def test_pair_that_the_sheet_lacks_and_files_of_others_are_refused() -> None:
    page, key = sheet(BEFORE, AFTER, 0)
    with pytest.raises(ValueError, match="pair-9"):
        count_votes(votes(page, pair_9="A"), json.dumps(key))
    for text in ("[]", "no JSON", '{"pair-1": "A"}'):
        with pytest.raises(ValueError, match="no votes of a sheet"):
            count_votes(text, json.dumps(key))
        with pytest.raises(ValueError, match="no key of a sheet"):
            count_votes(votes(page), text)
