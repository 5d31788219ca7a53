"""A blind side-by-side sheet: for each planned question the two models' texts in random order."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from html import escape
from random import Random
from typing import Any

from .trial import Sitting

SHEET = "sheet"
LETTERS = ("A", "B", "neither")
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
fieldset { border: 1px solid #bbb; border-radius: .5rem; margin: 1rem 0 } legend { color: #555 }
label { display: block; padding: .3rem 0 } button { font: inherit; padding: .4rem 1rem }
@media print { button { display: none } }
"""
_SCRIPT = """
function save() {
  const votes = {sheet: document.body.dataset.sheet};
  for (const each of document.querySelectorAll('input:checked')) votes[each.name] = each.value;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([JSON.stringify(votes)], {type: 'application/json'}));
  link.download = 'votes.json';
  link.click();
}
"""


def sheet(before: Sequence[Sitting], after: Sequence[Sitting], seed: int) -> tuple[str, dict[str, str]]:
    """The page, and its key: for each pair which letter is the tuned model's, and of which sheet. Pairs with
    one text on both sides, or none on one, are left out."""
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
    # Of what is shown where, so that no sheet's votes are counted by another's key.
    key[SHEET] = blake2b("".join(pairs).encode(), digest_size=8).hexdigest()
    body = (
        "<h1>Which question would you rather ask?</h1>"
        "<p>Each pair was written for the same job and candidate. Choose one, or neither.</p>"
        f"{''.join(pairs)}<button type='button' onclick='save()'>Save the choices</button>"
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Side by side</title>'
        f'<style>{_STYLE}</style></head><body data-sheet="{key[SHEET]}">{body}'
        f"<script>{_SCRIPT}</script></body></html>\n"
    )
    return page, key


def _pair(name: str, role: str, reason: str, texts: Sequence[str]) -> str:
    choices = zip(LETTERS, (*texts, "Neither, or both alike"), strict=True)
    rows = "".join(
        f'<label><input type="radio" name="{name}" value="{value}"> {escape(text)}</label>'
        for value, text in choices
    )
    return f"<fieldset><legend>{escape(role.replace('-', ' '))}: {escape(reason)}</legend>{rows}</fieldset>"


def count_votes(votes: str, key: str) -> dict[str, int]:
    """How often the tuned model's text was chosen, the untuned one's, and neither. Both are JSON objects; the
    key is the one written beside the sheet. Raises ValueError for others, and for votes of another sheet."""
    chosen, right = _object(votes, "votes"), _object(key, "key")
    if chosen.pop(SHEET) != right.pop(SHEET):
        raise ValueError("the votes are of another sheet than the key: give the key written beside theirs")
    counts = {"tuned": 0, "untuned": 0, "neither": 0}
    for name, letter in chosen.items():
        if letter not in LETTERS or right.get(name) not in LETTERS[:2]:
            raise ValueError(f"the votes say {letter!r} of {name!r}; the sheet's own button saves them right")
        counts["neither" if letter == "neither" else "tuned" if letter == right[name] else "untuned"] += 1
    return counts


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get(SHEET), str):
        raise ValueError(f"this is no {what} of a sheet: there is no {SHEET!r} in it")
    return found
