"""Words and their stems: enough to see that "planned" and "planning" are one word."""

import re

WORD = re.compile(r"[^\W\d_]+(?:['’.&-][^\W\d_]+)*|\d+(?:[.,]\d+)*")
_ENDINGS = (
    "ations",
    "ation",
    "ings",
    "ing",
    "ers",
    "ies",
    "ied",
    "ions",
    "ion",
    "ed",
    "er",
    "es",
    "ly",
    "al",
    "s",
    "e",
    "y",
)
_DOUBLING = ("ing", "ings", "ed", "er", "ers")


def stem(word: str) -> str:
    """A crude English stem. Two words with one stem are near enough to speak of the same thing."""
    bare = re.sub(r"['’]s?$", "", word.casefold())
    for ending in _ENDINGS:
        left = len(bare) - len(ending)
        if bare.endswith(ending) and left >= (3 if len(ending) > 2 else 4):
            bare = bare[:left]
            if ending in _DOUBLING and bare[-1] == bare[-2] and bare[-1] not in "ls":
                bare = bare[:-1]
            break
    return bare


def stems(text: str) -> list[str]:
    """Stems of a text's words in order; the parts of "follow-up" singly; numbers as they are."""
    return [stem(part) for match in WORD.finditer(text) for part in re.split(r"[-&]", match.group()) if part]
