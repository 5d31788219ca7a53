"""The written bank: questions for when nothing that the model wrote passes the checks."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

from rapidfuzz.fuzz import token_set_ratio

from .data_file import data_text
from .plan import PlanItem
from .question import QuestionType, Relation

SLOT = "{competency}"
SAME = 90.0


@dataclass(frozen=True, slots=True)
class BankEntry:
    """``text`` may hold the one slot; ``kinds`` are the kinds of skill whose name reads well in it."""

    text: str
    type: QuestionType
    relations: frozenset[Relation]
    kinds: frozenset[str]


@cache
def bank() -> tuple[BankEntry, ...]:
    """The entries of data/bank.toml in order."""
    return tuple(
        BankEntry(
            entry["text"],
            QuestionType[entry["type"]],
            frozenset(Relation[name] for name in entry["relation"]),
            frozenset(entry["kind"]),
        )
        for entry in tomllib.loads(data_text("bank.toml"))["question"]
    )


def bank_text(item: PlanItem, taken: Sequence[str]) -> str:
    """The item's question from the bank: one that no text in ``taken`` resembles, if there is such.

    Which one depends on the competency, so that two candidates with the same gap are asked the same, and
    two gaps of one candidate are not.
    """
    kind = "method" if item.kind == "duty" else item.kind
    fits = [e for e in bank() if item.type is e.type and item.relation in e.relations and kind in e.kinds]
    fits = fits or [e for e in bank() if item.relation in e.relations and kind in e.kinds]
    first = int.from_bytes(blake2b(item.competency.casefold().encode(), digest_size=4).digest(), "big")
    turned = [fits[(first + n) % len(fits)] for n in range(len(fits))]
    named = [e for e in turned if SLOT in e.text] + [e for e in turned if SLOT not in e.text]
    bare_taken = [text.replace(item.competency, "") for text in taken]

    def likeness(entry: BankEntry) -> float:
        bare = entry.text.replace(SLOT, "")
        return max((token_set_ratio(bare, text) for text in bare_taken), default=0.0)

    chosen = next((e for e in named if likeness(e) < SAME), None) or min(named, key=likeness)
    return _sentence_case(chosen.text.replace(SLOT, item.competency))


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
