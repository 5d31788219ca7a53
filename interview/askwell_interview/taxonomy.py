"""ESCO's name for a skill, for those who keep skills by it."""

from functools import cache

from .data_file import data_lines


@cache
def _uris() -> dict[str, str]:
    rows = (line.split("\t") for line in data_lines("taxonomy.tsv"))
    return {name.casefold(): uri for name, _, uri in rows}


def taxonomy_uri(skill: str) -> str:
    """The URI of a skill of data/skills.tsv in ESCO; "" for one that has no sure counterpart there."""
    return _uris().get(skill.casefold(), "")
