"""A duty as something to ask about: "Plan the weekly rota" becomes "planning the weekly rota"."""

import re

from .deed import is_deed

MAX_WORDS = 7
_DOUBLE = frozenset(
    re.findall(
        r"\S+",
        "plan cut set run get put win stop ship map tag scan log hit plug drop step begin fit trim chat swap "
        "wrap refer admit control prefer transfer commit submit permit equip travel model cancel "
        "counsel label",
    )
)
# Verbs that begin the second half of a duty, "and chase them": none that is as often a thing, like "order".
_SECOND = frozenset(
    re.findall(
        r"\S+",
        "write prepare lead keep answer take clear build attend train measure handle advise watch hand carry "
        "track supervise reconcile give explain decide coordinate solve settle repair recognise recruit "
        "receive read oversee negotiate maintain isolate investigate install examine define correct collect "
        "coach assess arrange agree act adjust chase stress close tell bring follow show teach publish "
        "update resolve improve identify ensure provide deliver organise present recommend respond escalate",
    )
)
_LINKS = frozenset(("of", "in", "with", "for", "on", "by", "at", "from", "to", "under", "across"))
_NOUN = re.compile(r"\w+(?:ment|tion|sion|ance|ence|ity|ness|ship)")
# "Statutory reports": no verb, and no name of one kind of work either.
_ADJECTIVE = re.compile(r"\w+(?:ory|\wary|ous|ical|tional|ful)")
_VERBS_LIKE_NOUNS = frozenset(
    re.findall(
        r"\S+",
        "implement document supplement complement experiment balance enhance finance advance influence "
        "reference evidence sequence position commission provision question function transition mention "
        "condition partition",
    )
)
_NOT_VERBS = frozenset(
    re.findall(
        r"\S+",
        "the a an our your we you they it this that these with in on at from of for strong excellent "
        "good all some any daily weekly monthly full part new some other regular occasional must "
        "should can may responsibility after before once during since while until every each no up "
        "about there "
        "are have need will were is has know like want",
    )
)


def gerund_phrase(duty: str) -> str:
    """ "" when the duty does not begin with a verb that can be turned, or has no short beginning."""
    ends = r"[,;:.(|]| so that | that | which | where | as well as "
    if not re.match(r"\w+ing and \w+ing ", duty):  # "Preparing and leading the negotiation" is one thing
        ends += r"| and (?=[a-z]+ing\b)"
    words = re.split(ends, duty, maxsplit=1)[0].split()
    if not len(words) >= 2 or not re.fullmatch(r"[A-Za-z]{2,}", words[0]) or words[0].lower() in _NOT_VERBS:
        return ""
    words = _one_deed(words)
    if len(words) > MAX_WORDS:  # "for shift workers" is left out whole rather than cut to "for shift"
        at = max((i for i, word in enumerate(words[:MAX_WORDS]) if word in (*_LINKS, "and", "or")), default=0)
        words = words[: at if at >= 3 else MAX_WORDS]
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
        "some",
        "about",
    ):
        words.pop()
    if len(words) < 2 or any(ch.isdigit() or ch in '"“”«»' for ch in "".join(words)):
        return ""
    first = words[0].lower()
    if words[1] == "of" and len(words) > 2 and (_NOUN.fullmatch(first) or re.fullmatch(r"\w+[^\Ws]s", first)):
        return " ".join([first, *words[1:]])  # "Development of firmware" is a name already
    if _ADJECTIVE.fullmatch(first) or (_NOUN.fullmatch(first) and first not in _VERBS_LIKE_NOUNS):
        return ""
    verb = _ing(first)
    rest = words[1:]
    for i, word in enumerate(rest[:-1]):
        if word in ("and", "or") and i == 0:  # "Design and build services"
            rest[i + 1] = _ing(rest[i + 1])
    return " ".join([verb, *("the" if w.lower() in ("our", "your") else w for w in rest)])


def _one_deed(words: list[str]) -> list[str]:
    """ "Take minutes and chase overdue actions" without its second deed, whose verb would stay as it is."""
    for at in range(3, len(words) - 1):
        if words[at - 1] in ("and", "or") and words[at].lower() in _SECOND:
            return words[: at - 1]
    return words


def _ing(verb: str) -> str:
    if verb.endswith("ing"):
        return verb
    if verb in _DOUBLE:
        return verb + verb[-1] + "ing"
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")) and verb != "be":
        return verb[:-1] + "ing"
    return verb + "ing"


_DONE = {
    "led": "leading", "built": "building", "ran": "running", "made": "making", "taught": "teaching",
    "wrote": "writing", "won": "winning", "cut": "cutting", "grew": "growing", "kept": "keeping",
    "set": "setting", "held": "holding", "drove": "driving", "brought": "bringing", "took": "taking",
    "gave": "giving", "oversaw": "overseeing", "sold": "selling", "bought": "buying", "began": "beginning",
    "rebuilt": "rebuilding", "chose": "choosing", "drew": "drawing", "met": "meeting",
    "rewrote": "rewriting", "undertook": "undertaking", "fed": "feeding",
}  # fmt: skip
_OWN = re.compile(r"^[\W_]*(?:(?:I|we|also|then|successfully|have|has|I['’]ve)\s+)*", re.IGNORECASE)
# Where what was done ends and its measure, or somebody else, begins.
_MEASURE = re.compile(
    r"\s+(?:(?:from|to|by|over|about|around|at|than|nearly|up to|of)\s+)?\S*\d|\b(?:my|me|I)\b"
)


def deed_phrase(deed: str) -> str:
    """ "Cut the run time of reports by 40%" becomes "cutting the run time of reports".

    "" for a sentence that does not begin with what was done, or says too little of it before the figures.
    """
    bare = _OWN.sub("", deed)
    bare = bare[: found.start()] if (found := _MEASURE.search(bare)) else bare
    words = bare.split()
    if len(words) < 2 or words[1] in ("at", "in", "as", "by") or not (doing := _doing(words[0])):
        return ""  # "Stationed at a customer's" is no deed
    words[0] = doing
    if len(words) > 3 and words[1] == "and" and (doing := _doing(words[2])):
        words[2] = doing
    phrase = gerund_phrase(" ".join(words))
    return phrase if len(phrase.split()) >= 3 else ""


def _doing(done: str) -> str:
    """ "planned" as "planning"; "" for what is no verb in the past."""
    done = done.lower()
    if done in _DONE or not (is_deed(done) and done.endswith("ed")):
        return _DONE.get(done, "")
    if done.endswith("ied"):
        return done[:-3] + "ying"
    return (done[:-1] if done.endswith("eed") else done[:-2]) + "ing"
