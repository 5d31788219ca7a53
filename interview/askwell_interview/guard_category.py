"""The guard's classes of question: where each is out of bounds, why, what to ask instead, its patterns."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache

from .data_file import data_text

# What a caller may name. Which category holds where is a synthesis of ours: have counsel confirm it.
JURISDICTIONS = ("US", "UK", "EU", "CN")


@dataclass(frozen=True, slots=True)
class Category:
    """``rewrite`` is a lawful question on the same need; empty where there is none, and ``reason`` then ends
    with what to do instead."""

    id: str
    name: str
    jurisdictions: tuple[str, ...]
    reason: str
    rewrite: str
    patterns: tuple[re.Pattern[str], ...]

    def matches(self, text: str) -> bool:
        return any(pattern.search(text) for pattern in self.patterns)


@cache
def categories() -> tuple[Category, ...]:
    """The entries of data/guard/categories.toml in order."""
    return tuple(
        Category(
            entry["id"],
            entry["name"],
            tuple(entry["jurisdictions"]),
            " ".join(part for part in (entry["reason"], entry.get("instead", "")) if part),
            entry["rewrite"],
            tuple(re.compile(pattern, re.IGNORECASE) for pattern in entry["patterns"]),
        )
        for entry in tomllib.loads(data_text("guard/categories.toml"))["category"]
    )
