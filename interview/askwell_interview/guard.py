"""The guard: may this be asked of a candidate?

Two judges. The patterns of data/guard/categories.toml are sure of what is asked outright, and stumble over
work that speaks of the same things ("a patient who is pregnant"). The head (``guard_head``), which needs a
sentence encoder, weighs meaning and wording, and knows lawful questions that come near. So a pattern's hit
only adds to the head's score: where the head is very sure that a question is lawful, the hit alone does not
refuse it. Without an encoder a hit refuses, and what no pattern knows passes.

It judges English, and one question at a time. It informs; it is no legal advice.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from .encoder import Encoder
from .guard_category import JURISDICTIONS, Category, categories
from .guard_head import head

Rule = Literal["pattern", "likeness"]
# The likeliest category speaks for a text, and beside it any that is half as likely.
NEAR = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """``rule`` is what decided: "pattern" where a pattern's hit did or where there is no encoder, "likeness"
    where the head did. A question that is refused in other jurisdictions only is allowed, and its category
    told; otherwise an allowed question has none. ``jurisdictions``: where the category is out of bounds;
    ``law``: those whose law counted.
    """

    allowed: bool
    rule: Rule
    category: str = ""
    name: str = ""
    reason: str = ""
    rewrite: str = ""
    jurisdictions: tuple[str, ...] = ()
    law: tuple[str, ...] = ()

    @property
    def refusal(self) -> str:
        """Why the question must not be asked, and by whose law, in one line."""
        whose = [code for code in self.jurisdictions if code in self.law]
        return f"must not be asked ({self.name}; {', '.join(whose)}): {self.reason}"


class Guard:
    """Judges by the law of some of JURISDICTIONS, or of all for none.

    Loads nothing without an encoder, and the head, once for all, with one.
    """

    def __init__(self, encoder: Encoder | None, jurisdictions: Collection[str] = ()) -> None:
        self._encoder = encoder
        self._law = tuple(code for code in JURISDICTIONS if code in jurisdictions or not jurisdictions)

    def check(self, text: str) -> Verdict:
        """Judge one question."""
        text = " ".join(text.split())
        hits = [category for category in categories() if category.matches(text)]
        if self._encoder is None:
            return _verdict(hits, "pattern", self._law)
        score, shares = head().read(self._encoder, text)
        if score + (head().pattern if hits else 0.0) <= head().threshold:
            return _verdict([], "likeness", self._law)
        ranked = sorted(zip(shares, categories(), strict=True), key=lambda pair: -pair[0])
        if score > head().threshold and not hits:
            close = [category for share, category in ranked if share >= NEAR * ranked[0][0]]
            return _verdict(close, "likeness", self._law)
        return _verdict([category for _, category in ranked if category in hits], "pattern", self._law)


def _verdict(found: list[Category], rule: Rule, law: tuple[str, ...]) -> Verdict:
    """Of the categories, likeliest first: the first that the law protects, or else the first."""
    if not found:
        return Verdict(True, rule, law=law)
    binding = [category for category in found if not set(law).isdisjoint(category.jurisdictions)]
    category = (binding or found)[0]
    return Verdict(
        not binding,
        rule,
        category.id,
        category.name,
        category.reason,
        category.rewrite,
        category.jurisdictions,
        law,
    )
