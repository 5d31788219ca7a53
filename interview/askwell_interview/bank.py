"""The written bank: questions for when nothing that the model wrote passes the checks.

data/bank.toml serves every job; data/bank/PROFESSION.toml speaks the language of one profession and brings
rubrics of its own.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

from rapidfuzz.fuzz import token_set_ratio

from .data_file import data_text
from .item import PlanItem
from .profession import knows
from .question import QuestionType, Relation, Rubric
from .rubric import SLOT as SLOT
from .rubric import filled, rubric_for, rubric_from_table

SAME = 90.0
# A résumé that does not name a skill does not prove that it is new to the candidate.
_LACK = re.compile(
    r"\bnew to you\b|\b(?:have|has) not\b|\bnot been\b|\bwithout having\b|\buntil you have\b|"
    r"\bonly seen\b|\byou cannot\b|\byour earlier\b|\bbackground\b|\bdiffers from\b|\bthan (?:you|it)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class BankEntry:
    """``text`` may hold the one slot; ``kinds`` are the kinds of skill whose name reads well in it.
    ``rubric``: None where that of the question's type and relation serves. ``competency``: what a text
    without a slot probes, or its type's name."""

    text: str
    type: QuestionType
    relations: frozenset[Relation]
    kinds: frozenset[str]
    rubric: Rubric | None = None
    competency: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A question of the bank with the competency in it, and how its answers are judged."""

    text: str
    rubric: Rubric


@cache
def bank() -> tuple[BankEntry, ...]:
    """The entries of data/bank.toml in order."""
    return _entries("bank.toml")


@cache
def profession_bank(profession: str) -> tuple[BankEntry, ...]:
    """The entries of a profession's bank in order; none for "", a job of no profession that has one."""
    return _entries(f"bank/{profession}.toml") if profession else ()


def _entries(name: str) -> tuple[BankEntry, ...]:
    return tuple(
        BankEntry(
            entry["text"],
            QuestionType[entry["type"]],
            frozenset(Relation[name] for name in entry["relation"] if name in Relation.__members__),
            frozenset(entry["kind"]),
            rubric_from_table(entry) if "anchors" in entry else None,
            entry.get("competency", QuestionType[entry["type"]].name.lower()),
        )
        for entry in tomllib.loads(data_text(name))["question"]
    )


def standing(profession: str) -> list[BankEntry]:
    """The profession's questions that name no skill and may be asked of whoever applies."""
    return [
        e
        for e in profession_bank(profession)
        if SLOT not in e.text and Relation.JOB in e.relations and not _LACK.search(e.text)
    ]


def standing_question(text: str, profession: str) -> Written:
    """One of them, with its own rubric."""
    entry = next(e for e in standing(profession) if e.text == text)
    return Written(text, filled(entry.rubric or Rubric(), entry.competency))


def bank_question_for(item: PlanItem, taken: Sequence[str], profession: str = "") -> Written:
    """The item's question from the bank: one that no text in ``taken`` resembles, if there is such, and the
    profession's before those for every job.

    Which one depends on the competency, so that two candidates with the same gap are asked the same, and
    two gaps of one candidate are not.
    """
    kind = "method" if item.kind == "duty" else item.kind
    fits = [e for e in bank() if item.type is e.type and item.relation in e.relations and kind in e.kinds]
    fits = fits or [e for e in bank() if item.relation in e.relations and kind in e.kinds]
    turned = _turned(fits, item.competency)
    named = [e for e in turned if SLOT in e.text] + [e for e in turned if SLOT not in e.text]
    named = [*_turned(_of_profession(item, profession), item.competency), *named]
    if item.linked:
        named = [e for e in named if "résumé" not in e.text] or named
    bare_taken = [text.replace(item.competency, "") for text in taken]

    def likeness(entry: BankEntry) -> float:
        bare = entry.text.replace(SLOT, "")
        return max((token_set_ratio(bare, text) for text in bare_taken), default=0.0)

    chosen = next((e for e in named if likeness(e) < SAME), None) or min(named, key=likeness)
    rubric = filled(chosen.rubric, item.competency) if chosen.rubric else None
    return Written(
        _sentence_case(chosen.text.replace(SLOT, item.competency)),
        rubric or rubric_for(item.type, item.relation, item.competency),
    )


def _of_profession(item: PlanItem, profession: str) -> list[BankEntry]:
    """The profession's questions that may stand for the item: they name the competency, which has to be of
    the profession's own field, and say nothing of the candidate that the documents do not."""
    if not knows(profession, item.field):
        return []
    return [
        e
        for e in profession_bank(profession)
        if item.type is e.type
        and item.relation in e.relations
        and item.kind in e.kinds
        and SLOT in e.text
        and (e.rubric is None or e.rubric.minutes <= item.minutes or not item.minutes)
        and not _LACK.search(e.text)
    ]


def _turned(entries: list[BankEntry], competency: str) -> list[BankEntry]:
    """The entries from another beginning for each competency."""
    first = int.from_bytes(blake2b(competency.casefold().encode(), digest_size=4).digest(), "big")
    return [entries[(first + n) % len(entries)] for n in range(len(entries))]


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
