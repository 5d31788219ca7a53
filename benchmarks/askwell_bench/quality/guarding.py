"""The guard on sentences that it was not made from: data/guard/blind.tsv.

Each line is a category, ``direct``, ``indirect``, ``near_miss`` or ``ordinary``, and a sentence; a line of
one field is an ordinary, lawful question. What is direct or indirect must be refused, the rest must pass.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TypeAlias

import numpy as np
from askwell_interview import Encoder
from askwell_interview.guard import Guard

from .interval import Estimate, estimate

BLIND = "blind.tsv"
ORDINARY = "ordinary"
KINDS = ("direct", "indirect", "near_miss", ORDINARY)
Check: TypeAlias = Callable[[str], str | None]
"""The category that a sentence is refused for, or None."""


@dataclass(frozen=True, slots=True)
class Sentence:
    category: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Guarded:
    """``refused`` is the category it was refused for, if it was."""

    sentence: Sentence
    refused: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class GuardRun:
    """``guard``: which one was asked."""

    guard: str
    answers: Sequence[Guarded]

    def refused(self, kind: str) -> Estimate | None:
        """The share refused, with an interval over categories."""
        groups: dict[str, list[float]] = {}
        for each in self.answers:
            if each.sentence.kind == kind:
                groups.setdefault(each.sentence.category, []).append(float(each.refused is not None))
        # Ordinary questions have no categories: each stands for itself.
        values = [[v] for g in groups.values() for v in g] if kind == ORDINARY else list(groups.values())
        return estimate(values)

    @property
    def named_right(self) -> float | None:
        """Of what was rightly refused, the share refused for its own category."""
        right = [
            each.refused == each.sentence.category
            for each in self.answers
            if each.refused and each.sentence.kind in ("direct", "indirect")
        ]
        return float(np.mean(right)) if right else None

    @property
    def milliseconds(self) -> tuple[float, float]:
        """Median and 99th percentile of one check."""
        middle, late = np.percentile([each.seconds * 1e3 for each in self.answers], (50, 99))
        return float(middle), float(late)

    def by_category(self) -> dict[str, dict[str, list[int]]]:
        """[refused, sentences] for each kind of each category."""
        table: dict[str, dict[str, list[int]]] = {}
        for each in self.answers:
            row = table.setdefault(each.sentence.category or ORDINARY, {}).setdefault(
                each.sentence.kind, [0, 0]
            )
            row[0] += each.refused is not None
            row[1] += 1
        return dict(sorted(table.items()))


def held_out() -> list[Sentence]:
    """Every line of the blind file."""
    folder = files("askwell_interview") / "data" / "guard"
    return _sentences((folder / BLIND).read_text(encoding="utf-8").splitlines())


def _sentences(lines: Sequence[str]) -> list[Sentence]:
    found = []
    for line in lines:
        parts = line.split("\t")
        if len(parts) == 3:
            found.append(Sentence(*parts))
        elif len(parts) == 1 and parts[0].strip():
            found.append(Sentence("", ORDINARY, parts[0]))
    return found


def judge_sentences(guard: str, check: Check, sentences: Sequence[Sentence]) -> GuardRun:
    """One sentence a call, as the guard is asked for a question. The first call is not timed."""
    check(sentences[0].text)
    answers = []
    for sentence in sentences:
        start = time.perf_counter()
        refused = check(sentence.text)
        answers.append(Guarded(sentence, refused, time.perf_counter() - start))
    return GuardRun(guard, answers)


def guard_check(encoder: Encoder | None) -> tuple[str, Check]:
    """The domain's guard under the law of all jurisdictions; with an encoder it weighs likeness too."""
    guard = Guard(encoder)

    def check(text: str) -> str | None:
        verdict = guard.check(text)
        return None if verdict.allowed else verdict.category

    return "patterns and likeness" if encoder else "patterns", check
