"""Whether a question is about what it was planned for: its competency, and the evidence for it.

Nearness is the cosine of the question with its subject: the competency's name and the quoted evidence. How
near is near enough is taken from people: the written bank's questions, one drawn for each of ours and filled
with the same competency. What nine in ten of those reach is the limit. A control stands beside the figure:
the same questions, each held against the subject of the next question in its set.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

import numpy as np
from askwell_client import Question, Source
from askwell_interview.bank import bank
from askwell_interview.rubric import SLOT

from .asking import Asked
from .interval import Estimate, estimate
from .likeness import Encode, Matrix

PERCENTILE = 10


@dataclass(frozen=True, slots=True)
class Relevance:
    """``limit``: the cosine that the bank's questions reach but for a tenth. ``shares``: of the questions
    that reach it, by source; "by the model" is the part of ours that the bank did not write. ``led_back``:
    the share that is nearer to its own subject than to any other of its set: a reader who has nothing but
    the question knows what it asks about."""

    limit: float
    shares: Mapping[str, Estimate | None]
    led_back: Estimate | None

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def relevance(jobs: Sequence[Asked], encode: Encode | None, seed: int = 0) -> Relevance | None:
    """None without an encoder: a question need not share a word with its subject.

    The baselines have no plan, so each of their questions counts as about the nearest subject of our set.
    """
    jobs = [asked for asked in jobs if asked.own.questions]
    if encode is None or not jobs:
        return None
    random = Random(seed)
    subjects = [[subject(each) for each in asked.own.questions] for asked in jobs]

    def near(written: Callable[[Asked], Sequence[str]]) -> list[Matrix]:
        """For each job a row for each text and a column for each subject."""
        return [_cosines(encode, written(asked), about) for asked, about in zip(jobs, subjects, strict=True)]

    ours = near(lambda asked: [each.text for each in asked.own.questions])
    written = near(lambda asked: [_written(each, random) for each in asked.own.questions])
    limit = float(np.percentile(np.concatenate([table.diagonal() for table in written]), PERCENTILE))

    def share(values: Sequence[Matrix]) -> Estimate | None:
        return estimate([(each >= limit).astype(float).tolist() for each in values])

    model = [
        table.diagonal()[[each.source is Source.MODEL for each in asked.own.questions]]
        for asked, table in zip(jobs, ours, strict=True)
    ]
    shares = {
        "askwell": share([table.diagonal() for table in ours]),
        "by the model": share(model),
        "founding prompt": share(_nearest(near(lambda asked: asked.founding))),
        "random bank": share(_nearest(near(lambda asked: asked.bank))),
        "control": share([np.roll(table, -1, axis=1).diagonal() for table in ours if len(table) > 1]),
    }
    back = estimate(
        [(table.argmax(axis=1) == np.arange(len(table))).astype(float).tolist() for table in ours]
    )
    return Relevance(limit, shares, back)


def subject(question: Question) -> str:
    quotes = [each.quote for each in (question.job_evidence, question.resume_evidence) if each]
    return ": ".join([question.competency, *dict.fromkeys(quotes)])


def _written(question: Question, random: Random) -> str:
    """A question of the bank about the same competency."""
    entry = random.choice([each for each in bank() if SLOT in each.text])
    text = entry.text.replace(SLOT, question.competency)
    return text[:1].upper() + text[1:]


def _cosines(encode: Encode, written: Sequence[str], about: Sequence[str]) -> Matrix:
    if not written:
        return np.zeros((0, len(about)))
    return (encode(list(written)) @ encode(list(about)).T).astype(np.float64)


def _nearest(tables: Sequence[Matrix]) -> list[Matrix]:
    return [table.max(axis=1) for table in tables]
