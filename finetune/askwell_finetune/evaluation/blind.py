"""A blind side-by-side sheet: for each planned question the two models' texts in random order."""

import json
from collections.abc import Sequence
from html import escape
from random import Random

from .trial import Sitting

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
fieldset { border: 1px solid #bbb; border-radius: .5rem; margin: 1rem 0 } legend { color: #555 }
label { display: block; padding: .3rem 0 } button { font: inherit; padding: .4rem 1rem }
@media print { button { display: none } }
"""
_SCRIPT = """
function save() {
  const votes = {};
  for (const each of document.querySelectorAll('input:checked')) votes[each.name] = each.value;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([JSON.stringify(votes)], {type: 'application/json'}));
  link.download = 'votes.json';
  link.click();
}
"""


def sheet(before: Sequence[Sitting], after: Sequence[Sitting], seed: int) -> tuple[str, dict[str, str]]:
    """The page, and its key: for each pair which letter is the tuned model's. Pairs with one text on both
    sides, or none on one, are left out."""
    random = Random(seed)
    pairs: list[str] = []
    key: dict[str, str] = {}
    for one, other in zip(before, after, strict=True):
        for item in one.interview.plan.items:
            if item.id not in one.questions or item.id not in other.questions:
                continue
            texts = [one.questions[item.id].text, other.questions[item.id].text]
            if texts[0] == texts[1]:
                continue
            name = f"pair-{len(key) + 1}"
            tuned = random.choice("AB")
            key[name] = tuned
            pairs.append(_pair(name, one.role, item.reason, texts if tuned == "B" else texts[::-1]))
    body = (
        "<h1>Which question would you rather ask?</h1>"
        "<p>Each pair was written for the same job and candidate. Choose one, or neither.</p>"
        f"{''.join(pairs)}<button type='button' onclick='save()'>Save the choices</button>"
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Side by side</title>'
        f"<style>{_STYLE}</style></head><body>{body}<script>{_SCRIPT}</script></body></html>\n"
    )
    return page, key


def _pair(name: str, role: str, reason: str, texts: Sequence[str]) -> str:
    choices = [("A", texts[0]), ("B", texts[1]), ("neither", "Neither, or both alike")]
    rows = "".join(
        f'<label><input type="radio" name="{name}" value="{value}"> {escape(text)}</label>'
        for value, text in choices
    )
    return f"<fieldset><legend>{escape(role.replace('-', ' '))}: {escape(reason)}</legend>{rows}</fieldset>"


def count_votes(votes: str, key: str) -> dict[str, int]:
    """How often the tuned model's text was chosen, the untuned one's, and neither. Both are JSON objects; the
    key is the one written beside the sheet. Raises ValueError for others."""
    try:
        chosen, right = json.loads(votes), json.loads(key)
        counts = {"tuned": 0, "untuned": 0, "neither": 0}
        for name, letter in chosen.items():
            side = "neither" if letter == "neither" else "tuned" if letter == right[name] else "untuned"
            counts[side] += 1
    except (ValueError, AttributeError, KeyError, TypeError):
        raise ValueError("the votes do not belong to this sheet's key") from None
    return counts
