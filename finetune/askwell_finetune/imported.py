"""Questions that somebody owns already: rows of a CSV or JSONL file, their columns mapped to ours."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from askwell_interview import (
    Document,
    Features,
    Guard,
    PlanItem,
    QuestionType,
    Relation,
    Slot,
    document_from_text,
    extract_features,
    find_personal,
)
from askwell_interview.checks import without_name
from askwell_interview.skill import gazetteer

from .example import Example, lean
from .occasion import TODAY

MIN_WORDS, MAX_WORDS = 4, 60


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the file's columns. ``questions``: one or more, each a question of its own. The rest may be
    "": a job's text or title, a résumé's text, the competency, the role that splits go by."""

    questions: tuple[str, ...]
    competency: str = ""
    role: str = ""
    job_title: str = ""
    job: str = ""
    resume: str = ""


@dataclass
class Import:
    """One file's rows as examples. ``dropped``: rows left out, by the reason."""

    path: Path
    columns: Columns
    source: str
    licence: str
    guard: Guard
    dropped: Counter[str] = field(default_factory=Counter)

    def examples(self) -> Iterator[Example]:
        """In the file's order, all in split "train": splits are made by role afterwards.

        Raises ValueError for a file that has not the columns.
        """
        seen: set[str] = set()
        for row in self._rows():
            for column in self.columns.questions:
                question = " ".join(str(row.get(column) or "").split())
                if not question:
                    self.dropped["empty"] += 1
                elif question.casefold() in seen:
                    self.dropped["the same again"] += 1
                elif example := self._example(row, question):
                    seen.add(question.casefold())
                    yield example

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        with self.path.open(encoding="utf-8-sig", newline="") as lines:
            if self.path.suffix == ".jsonl":
                for number, line in enumerate(lines, 1):
                    yield self._checked(self._object(line, number))
            else:
                reader = csv.DictReader(lines)
                self._checked(dict.fromkeys(reader.fieldnames or ()))
                yield from reader

    def _object(self, line: str, number: int) -> Mapping[str, Any]:
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise ValueError(f"{self.path}, line {number}: not a JSON object")
        return row

    def _checked(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        c = self.columns
        wanted = (*c.questions, *filter(None, (c.competency, c.role, c.job_title, c.job, c.resume)))
        if missing := [name for name in wanted if name not in row]:
            have = ", ".join(map(str, row)) or "none"
            raise ValueError(f"{self.path} has no column {missing[0]!r}; its columns are: {have}")
        return row

    def _example(self, row: Mapping[str, Any], question: str) -> Example | None:
        competency = self._text(row, self.columns.competency) or _named(question)
        title, role = self._text(row, self.columns.job_title), self._text(row, self.columns.role)
        reason = self._refusal(question, competency)
        if reason or any(map(find_personal, (competency, title, role))):
            self.dropped[reason or "personal data"] += 1
            return None
        id_ = blake2b(f"{self.source} {question}".encode(), digest_size=6).hexdigest()
        return Example(
            id=f"{self.source}-{id_}",
            # A row without a role stands for itself.
            role=role or title or id_,
            split="train",
            source=self.source,
            licence=self.licence,
            features=lean(self._features(row)),
            item=PlanItem(
                id="",
                slot=Slot.PROBE if self._text(row, self.columns.resume) else Slot.CORE,
                type=QuestionType.TYPE_UNSPECIFIED,
                competency=competency,
                relation=Relation.JOB,
                reason="",
                job_evidence=None,
                resume_evidence=None,
            ),
            opening=opening_in(question, competency),
            question=question if question[-1] in "?." else question + "?",
        )

    def _refusal(self, question: str, competency: str) -> str | None:
        if not MIN_WORDS <= len(question.split()) <= MAX_WORDS:
            return f"not {MIN_WORDS} to {MAX_WORDS} words"
        if not competency:
            return "no competency named"
        if find_personal(question):
            return "personal data"
        verdict = self.guard.check(without_name(question, competency))
        return None if verdict.allowed else f"unlawful: {verdict.category}"

    def _features(self, row: Mapping[str, Any]) -> Features:
        job, resume = self._document(row, self.columns.job), self._document(row, self.columns.resume)
        title = self._text(row, self.columns.job_title)
        if job is None and resume is None:
            return Features(title, (), (), None, None, (), ())
        features = extract_features(job or document_from_text(title or "Job"), resume, TODAY)
        return replace(features, job_title=title or features.job_title)

    def _document(self, row: Mapping[str, Any], column: str) -> Document | None:
        text = self._text(row, column)
        return document_from_text(text) if text else None

    @staticmethod
    def _text(row: Mapping[str, Any], column: str) -> str:
        return str(row.get(column) or "").strip() if column else ""


def _named(question: str) -> str:
    """The first skill that the question names, as it names it; "" for none."""
    hits = gazetteer().hits(question)
    return question[hits[0].start : hits[0].end] if hits else ""


def opening_in(question: str, competency: str) -> str:
    """Where the model is to take over: behind the competency, or behind the first three words; at the very
    beginning where nothing would follow these."""
    match = (
        re.search(rf"(?<!\w){re.escape(competency)}(?!\w)", question, re.IGNORECASE) if competency else None
    )
    if match and match.end() <= 2 * len(question) // 3:
        return question[: match.end()]
    words = question.split()
    return " ".join(words[:3]) if len(words) > 3 else ""
