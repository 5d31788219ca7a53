"""The sentences that the guard learns from, and those that it is measured on and never learns from.

blind.tsv is for measuring only; every other file of data/guard and the question bank are for training only.
"""

from dataclasses import dataclass
from importlib.resources import files

from .bank import SLOT, bank, profession_bank
from .data_file import data_lines, data_text
from .profession import professions

UNLAWFUL = frozenset({"direct", "indirect"})
BLIND = "blind.tsv"


@dataclass(frozen=True, slots=True)
class Sentence:
    """``kind``: direct, indirect, near_miss (lawful, of the category's field), ordinary, bank, or ending (a
    question of the fine-tuning data)."""

    category: str
    kind: str
    text: str

    @property
    def unlawful(self) -> bool:
        return self.kind in UNLAWFUL


def judged_sentences() -> list[Sentence]:
    """The sentences that come in categories, and ordinary ones beside them."""
    names = sorted(each.name for each in (files(__package__) / "data" / "guard").iterdir())
    tables = [name for name in names if name.endswith(".tsv") and name != BLIND]
    return [_sentence(line) for name in tables for line in data_text(f"guard/{name}").splitlines()]


def blind_sentences() -> list[Sentence]:
    """Those for measuring only."""
    return [_sentence(line) for line in data_text(f"guard/{BLIND}").splitlines()]


def more_sentences() -> list[Sentence]:
    """Those for training only."""
    asked = [*bank(), *(entry for each in professions() for entry in profession_bank(each.name))]
    return [
        *(_sentence(line) for line in data_lines("guard/training.txt")),
        *(Sentence("", "bank", entry.text.replace(SLOT, "the work")) for entry in asked),
    ]


def _sentence(line: str) -> Sentence:
    category, kind, text = line.split("\t") if "\t" in line else ("", "ordinary", line)
    return Sentence(category, kind, text)
