"""How answers are judged: a written rubric for each type of question and relation of the résumé to the job.

A small model cannot write anchors that hold, so a question of the model has the rubric of its competency:
that of its type and relation, with the competency's name in it. A profession's bank brings its own.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from .data_file import data_text
from .question import Anchor, FollowUp, QuestionType, Relation, Rubric, Trigger

# Where a competency's name goes, here and in the bank.
SLOT = "{competency}"


def rubric_for(type_: QuestionType, relation: Relation, competency: str) -> Rubric:
    """The rubric of a planned question. There is one for every type and relation that can be planned."""
    return filled(_rubrics()[type_, relation], competency)


@cache
def _rubrics() -> dict[tuple[QuestionType, Relation], Rubric]:
    tables = tomllib.loads(data_text("rubric.toml"))["rubric"]
    rubrics: dict[tuple[QuestionType, Relation], Rubric] = {}
    for table in tables:
        for relation in table["relation"]:
            key = QuestionType[table["type"]], Relation[relation]
            if key in rubrics:
                raise ValueError(f"rubric.toml has two rubrics for {table['type']} and {relation}")
            rubrics[key] = rubric_from_table(table)
    return rubrics


def rubric_from_table(table: Mapping[str, Any]) -> Rubric:
    """A rubric as the data files write it, its slots still open."""
    return Rubric(
        difficulty=table["difficulty"],
        minutes=table["minutes"],
        anchors=tuple(sorted((Anchor(int(n), text) for n, text in table["anchors"].items()), key=_rating)),
        covers=tuple(table["covers"]),
        red_flags=tuple(table["red_flags"]),
        follow_ups=tuple(FollowUp(Trigger[f["trigger"].upper()], f["text"]) for f in table["follow_ups"]),
    )


def _rating(anchor: Anchor) -> int:
    return anchor.rating


def filled(rubric: Rubric, competency: str) -> Rubric:
    """The rubric with the competency's name in its slots."""

    def named(text: str) -> str:
        return text.replace(SLOT, competency)

    return replace(
        rubric,
        anchors=tuple(Anchor(anchor.rating, named(anchor.text)) for anchor in rubric.anchors),
        covers=tuple(map(named, rubric.covers)),
        red_flags=tuple(map(named, rubric.red_flags)),
        follow_ups=tuple(FollowUp(each.trigger, named(each.text)) for each in rubric.follow_ups),
    )
