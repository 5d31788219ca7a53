"""Topics that an interviewer must not ask about, by their words. A compact first guard, in English."""

import re

_TOPICS: tuple[tuple[str, str], ...] = (
    (
        "age",
        r"\bhow old\b|\byour (?:own )?age\b|\bdate of birth\b|\bborn\b|\bbirthday\b|\bretire(?:ment|d|s)?\b|"
        r"\byear (?:did )?you (?:graduate|finish school)|\btoo (?:old|young)\b|\bat your age\b",
    ),
    (
        "family",
        r"\b(?:married|marriage|marital|husband|wife|spouse|fianc[ée]+|boyfriend|girlfriend|divorced?|"
        r"widow(?:ed)?)\b|"
        r"\bpregnan\w*|\bmaternity\b|\bpaternity\b|\bchild ?care (?:at home|arrangements?)\b|"
        r"\b(?:your|own|have|having|want|any) (?:\w+ )?(?:child(?:ren)?|kids?|bab(?:y|ies)|sons?|"
        r"daughters?|famil(?:y|ies)|"
        r"parents|mother|father)\b|\bstart(?:ing)? a family\b",
    ),
    (
        "religion",
        r"\b(?:religio\w*|church|mosque|synagogue|temple|pray(?:er|ing)?|faith|christian\w*|muslim\w*|"
        r"islam\w*|"
        r"jewish|hindu\w*|buddhis\w*|atheis\w*|ramadan|sabbath)\b",
    ),
    (
        "origin",
        r"\b(?:nationalit\w*|citizenship|ethnic\w*|\brace\b|racial\w*|native (?:language|tongue|"
        r"speaker)|mother tongue|"
        r"birthplace|immigra\w*|accent|skin colou?r|where are you (?:really )?from|home country|"
        r"country of origin)\b",
    ),
    (
        "health",
        r"\b(?:disabilit\w*|disabled|handicap\w*|your (?:\w+ )?(?:health|illness\w*|injur\w*|therapy|"
        r"medication|"
        r"medical (?:history|condition)|diagnosis|weight|height)|sick (?:leave|days)|chronic\w*|"
        r"depress(?:ed|ion)|"
        r"mental illness|hiv|alcoholi\w*|drug use|smok(?:e|ing))\b",
    ),
    (
        "orientation",
        r"\b(?:sexual\w*|gay|lesbian|transgender|gender identity|your gender|heterosexual|homosexual)\b",
    ),
    ("union", r"\b(?:trade union|labou?r union|union member\w*|unioni[sz]\w*|on strike)\b"),
    (
        "politics",
        r"\b(?:politic(?:s|al (?:party|view\w*|belief\w*))|vot(?:e|ed|ing) for|elections?|democrats?|"
        r"republicans?|"
        r"conservative party|labour party|military (?:discharge|service))\b",
    ),
    (
        "record",
        r"\b(?:arrest(?:ed)?|convict(?:ed|ions?)|criminal record|prison|jail|bankrupt\w*|"
        r"credit (?:score|rating)|your debts?)\b",
    ),
    (
        "salary",
        r"\b(?:your|current|previous|last|earlier) (?:\w+ )?(?:salary|salaries|wages?|pay|"
        r"compensation|earnings)\b|"
        r"\bhow much (?:do|did|were) you (?:earn|make|paid|being paid)",
    ),
    ("insult", r"\b(?:stupid|idiot\w*|lazy|ugly|dumb|fat|incompetent)\b"),
)
_PATTERNS = tuple((topic, re.compile(pattern, re.IGNORECASE)) for topic, pattern in _TOPICS)


def unlawful_topic(question: str) -> str | None:
    """The protected topic that the question touches, or None."""
    return next((topic for topic, pattern in _PATTERNS if pattern.search(question)), None)
