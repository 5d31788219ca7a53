"""A duty as something to ask about: "Plan the weekly rota" becomes "planning the weekly rota"."""

import re

MAX_WORDS = 7
_DOUBLE = frozenset(
    re.findall(r"\S+", "plan cut set run get put win stop ship map tag scan log hit plug drop step begin")
)
_NOT_VERBS = frozenset(
    re.findall(
        r"\S+",
        "the a an our your we you they it this that these with in on at from of for strong excellent "
        "good all some any daily weekly monthly full part new some other regular occasional must "
        "should can may responsibility",
    )
)


def gerund_phrase(duty: str) -> str:
    """ "" when the duty does not begin with a verb that can be turned, or has no short beginning."""
    head = re.split(
        r"[,;:.(]| so that | that | which | where | and (?=[a-z]+ing\b)| as well as ", duty, maxsplit=1
    )[0].strip()
    words = head.split()
    if not len(words) >= 2 or not re.fullmatch(r"[A-Za-z]{2,}", words[0]) or words[0].lower() in _NOT_VERBS:
        return ""
    words = words[:MAX_WORDS]
    while words and words[-1].lower() in (
        "and",
        "or",
        "of",
        "in",
        "with",
        "the",
        "a",
        "an",
        "to",
        "for",
        "our",
        "on",
        "by",
        "their",
        "its",
        "at",
        "from",
        "all",
    ):
        words.pop()
    if len(words) < 2 or any(ch.isdigit() for ch in "".join(words)):
        return ""
    verb = _ing(words[0].lower())
    rest = words[1:]
    for i, word in enumerate(rest[:-1]):
        if word in ("and", "or") and i == 0:  # "Design and build services"
            rest[i + 1] = _ing(rest[i + 1])
    return " ".join([verb, *("the" if w.lower() in ("our", "your") else w for w in rest)])


def _ing(verb: str) -> str:
    if verb.endswith("ing"):
        return verb
    if verb in _DOUBLE:
        return verb + verb[-1] + "ing"
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return verb[:-1] + "ing"
    return verb + "ing"
