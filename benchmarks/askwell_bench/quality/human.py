"""Real interview questions to stand beside ours: followQG's table, or another with one of its columns."""

import csv
from pathlib import Path

from askwell_interview.word import WORD

COLUMNS = ("question", "followUp")
_LEAST_WORDS = 4


def questions_from_csv(path: Path) -> list[str]:
    """Each different question once, in the file's order. Raises ValueError when it holds none."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.DictReader(file)
        columns = [name for name in COLUMNS if name in (rows.fieldnames or ())]
        if not columns:
            raise ValueError(f"{path} has neither a column {COLUMNS[0]} nor a column {COLUMNS[1]}")
        texts = [" ".join((row[name] or "").split()) for row in rows for name in columns]
    found = list(dict.fromkeys(text for text in texts if len(WORD.findall(text)) >= _LEAST_WORDS))
    if not found:
        raise ValueError(f"{path} holds no question of {_LEAST_WORDS} words")
    return found
