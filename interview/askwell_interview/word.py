"""Words and their stems: enough to see that "planned" and "planning" are one word."""

import re
from functools import lru_cache
from threading import local

import Stemmer

WORD = re.compile(r"[^\W\d_]+(?:['’.&-][^\W\d_]+)*|\d+(?:[.,]\d+)*")
# A Stemmer must not be used by two threads at once.
_OWN = local()


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The word's stem by Snowball's English rules (Porter 2). Two words with one stem are near enough to
    speak of the same thing."""
    try:
        english = _OWN.english
    except AttributeError:
        english = _OWN.english = Stemmer.Stemmer("english")
    found: str = english.stemWord(re.sub(r"['’]s?$", "", word.casefold()))
    return found


def stems(text: str) -> list[str]:
    """Stems of a text's words in order; the parts of "follow-up" singly; numbers as they are."""
    return [stem(part) for match in WORD.finditer(text) for part in re.split(r"[-&]", match.group()) if part]
