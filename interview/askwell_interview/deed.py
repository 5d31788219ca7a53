"""Verbs in the past: what tells that something was done, and by whom."""

import re

_IRREGULAR = frozenset(
    re.findall(
        r"\S+",
        "led built ran made taught wrote won cut grew kept set held drove brought took gave oversaw "
        "sold bought began found rebuilt chose dealt drew fed fought got met paid put rode saw sent "
        "shot spoke spent split stood swept undertook rewrote understood upheld wound "
        "sat dug laid",
    )
)
_NO_DEED = frozenset(
    re.findall(
        r"\S+",
        "speed exceed proceed succeed experienced skilled qualified certified motivated registered "
        "dedicated organised organized detailed based advanced related required needed interested "
        "unmatched rotated united talented gifted seasoned hundred limited licensed chartered committed",
    )
)


def is_deed(word: str) -> bool:
    """Whether a lower-case word is a verb in the past."""
    return word in _IRREGULAR or (len(word) > 4 and word.endswith("ed") and word not in _NO_DEED)


def acts(sentence: str) -> bool:
    """Whether a sentence tells something done: a verb in the past among its first words."""
    return any(is_deed(word.lower()) for word in re.findall(r"[A-Za-z]+", sentence)[:4])
