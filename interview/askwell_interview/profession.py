"""The profession that a job belongs to, where the bank has one of its own."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from .data_file import data_text


@dataclass(frozen=True)
class Profession:
    """``fields``: the professional fields whose skills read well in the profession's questions. "Which
    readings of Excel do you check before a procedure" does not, in a ward's job that asks for Excel."""

    name: str
    titles: re.Pattern[str]
    fields: frozenset[str]


@cache
def professions() -> tuple[Profession, ...]:
    """Those of data/professions.toml in order."""
    return tuple(
        Profession(
            table["name"],
            re.compile(rf"\b(?:{'|'.join(map(re.escape, table['titles']))})s?\b", re.IGNORECASE),
            frozenset(table["fields"]),
        )
        for table in tomllib.loads(data_text("professions.toml"))["profession"]
    )


def profession_of(job_title: str, fields: Iterable[str]) -> str:
    """The name of the first profession that the title speaks of; "" for any other job.

    For a job without a title, ``fields``, those of the skills it asks for, decide where most of them
    belong to one profession's field.
    """
    if job_title:
        return next((p.name for p in professions() if p.titles.search(job_title)), "")
    most = Counter(field for field in fields if field not in ("", "general")).most_common(1)
    names = [p.name for field, _ in most for p in professions() if field in p.fields]
    return names[0] if len(names) == 1 else ""


def knows(profession: str, field: str) -> bool:
    """Whether skills of ``field`` belong to the profession's work."""
    return any(p.name == profession and field in p.fields for p in professions())
