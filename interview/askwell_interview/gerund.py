"""A duty as something to ask about: "Plan the weekly rota" becomes "planning the weekly rota"."""

import re
from functools import cache

from .data_file import data_lines
from .deed import is_deed

MAX_WORDS = 7


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_DOUBLE = _set(
    "plan cut set run get put win stop ship map tag scan log hit plug drop step begin fit trim chat swap "
    "wrap refer admit control prefer transfer commit submit permit equip travel model cancel counsel label "
    "sit quiz program dig drag flag flip grip grab jog knit mop pin rig rub scrub skim skip snap shop "
    "shred shut spin split spot stem strip swim tap tip top upset reset rerun offset unplug debug forget "
    "allot bid format input occur defer infer deter confer incur omit emit remit propel patrol enrol "
    "fulfil instil distil excel level fuel marshal channel total signal dial crop sum"
)
# Verbs that begin the second half of a duty, "and chase them": none that is as often a thing, like "order".
_SECOND = _set(
    "write prepare lead keep answer take clear build attend train measure handle advise watch hand carry "
    "track supervise reconcile give explain decide coordinate solve settle repair recognise recruit "
    "receive read oversee negotiate maintain isolate investigate install examine define correct collect "
    "coach assess arrange agree act adjust chase stress close tell bring follow show teach publish update "
    "resolve improve identify ensure provide deliver organise present react recommend respond escalate see "
    "trace replace summarise verify approve reject propose compare discuss introduce develop create remove "
    "greet serve welcome reduce"
)
_LINKS = _set(
    "of in with for on by at from to under across against after before during through into within without "
    "between among over per around near above below towards onto via until since inside outside behind "
    "along"
)
_ARTICLES = _set(
    "the a an our your their its his her my this that these those it them each every all any some both no "
    "another several many most more few"
)
# Where something new begins that "Tell me about a time when planning the rota was difficult" has no room for.
_CLAUSES = _set(
    "but who whose when while because if unless although though until whether so we you they he she then also"
)
# What no phrase ends in: "building a line of", "leading the team through".
_HANGING = (
    _LINKS
    | _ARTICLES
    | _CLAUSES
    | _set(
        "and or nor than as like despite except upon not only even just still nearly almost approximately "
        "roughly least about which where how what is are was were be been has have had will can other own "
        "new same two three four five six seven eight nine ten eleven twelve first second third fourth "
        "fifth last together alongside instead found used worth"
    )
) - _set("over along around no")
# Verbs that are as often things. Before one of these words they are verbs: "stock the shelves", "care for".
_THINGS = _set(
    "water head back top field grill tender account care cash contact deal email engineer fund market "
    "network phone project retail season shop staff stage state stock talk work trade nurse"
)
_PARTICLES = _set("up down out off")
_AFTER_VERB = _LINKS | _ARTICLES | _PARTICLES | _set("as together closely alongside one two three")
# "Change management", "order processing": kinds of work, begun by what could be a verb.
_NAMES_TOO = _set(
    "target tender house lead train team book budget change control data design document exercise file "
    "finance load machine market model order pay plan plant post price process program project purchase "
    "quality record report research review route sample schedule service ship supply test resource time "
    "track trade train value water contract campaign"
)
_KINDS = re.compile(
    r"management|planning|keeping|processing|writing|handling|making|control|development|automation"
    r"|improvement|preparation|administration|generation|setting|rooms?|roll|drivers?|experience|skills"
    r"|engineering|driving|testing|programming|operations|work"
)
_NOUN = re.compile(r"\w+(?:ment|tion|sion|ance|ence|ity|ness|ship)|analysis")
# "Bringing the crash-free rate": to what? These are nothing without where to.
_MOVES = _set("bringing turning getting")
_WHERE_TO = _set("to into onto up down off out together back forward towards through")
_TIMES = _set("minutes hours days weeks months years")
_MONEY = re.compile(r"[$€£¥₹%~<>≥≤+&/–—-]+|[A-Z]{0,3}[$€£¥₹]|(?:USD|EUR|GBP|CHF|AUD|CAD|SEK|NOK|DKK|PLN)")


def gerund_phrase(duty: str) -> str:
    """ "" when the duty does not begin with a verb that can be turned, or has no short beginning."""
    words = _clause(duty)
    if len(words) < 2 or not re.fullmatch(r"[A-Za-z-]{2,}", words[0]):
        return ""
    first, second = words[0].lower(), words[1].lower()
    if second == "of" and first not in ("dispose", "approve"):
        named = _NOUN.fullmatch(first) or re.fullmatch(r"\w+[^\Ws]s", first) or _is_verb(first)
        # "Development of firmware" is a name already
        return _phrase([first, *words[1:]]) if named or first in _gerunds() else ""
    if first not in _gerunds():
        if not _is_verb(first) or (first in _THINGS and second not in _AFTER_VERB):
            return ""
        if first in _NAMES_TOO and _KINDS.fullmatch(second):
            return ""
        words[0] = _ing(first)
        if at := _joined(words):
            if not _is_verb(other := words[at].lower()):
                return ""
            words[at] = _ing(other)
    return _phrase([words[0].lower(), *words[1:]])


def _clause(text: str, past: bool = False) -> list[str]:
    """The words of the first thing that is done: "Take minutes and chase overdue actions" has two. Only where
    the verbs stand in the ``past`` is one after "and" a verb: "plan manual and automated testing"."""
    ends = r"[,;:.(|]| so that | that | which | where | as well as "
    # "Preparing and leading the negotiation" is one thing.
    if not past and not re.match(r"\w+ing and \w+ing ", text):
        ends += r"| and (?=[a-z]+ing\b)"
    text = re.sub(r"\bour own\b", "our", re.sub(r"\bof (?:your|our|their) own\b", "", text))
    words = re.split(ends, text, maxsplit=1)[0].split()
    for at in range(2, len(words)):
        word, after = words[at].lower(), (words[at + 1].lower() if at + 1 < len(words) else "")
        if word in _CLAUSES:
            return words[:at]
        if at <= max(2, _joined(words)) or words[at - 1] not in ("and", "or"):
            continue
        if (
            word in _SECOND
            or (past and (is_deed(word) or word == "lost"))
            or (_is_verb(word) and after in _ARTICLES | _CLAUSES)
        ):
            return words[: at - 1]
    return words


def _joined(words: list[str]) -> int:
    """Where the second verb of "design and build services" or "set up and run clinics" stands, or 0."""
    at = 2 if words[1:2] and words[1] in _PARTICLES else 1
    return at + 1 if len(words) > at + 1 and words[at] in ("and", "or") else 0


def _phrase(words: list[str]) -> str:
    """A few words that say what is done, the first of them in its form; "" where too little is left."""
    words = words[: _end(words)]
    while len(words) > 1 and _hangs(words):
        words = words[:-1]
    if len(words) < 2 or any(ch.isdigit() or ch in '"“”«»' for ch in "".join(words)):
        return ""
    if words[0] in _MOVES and _WHERE_TO.isdisjoint(words):
        return ""
    own = {i for i, word in enumerate(words[1:]) if word == "own"}
    rest = (
        "the" if w.lower() in ("our", "your") and i + 1 not in own else w for i, w in enumerate(words[1:])
    )
    return " ".join([words[0], *rest])


def _end(words: list[str]) -> int:
    """How many words to keep: "for shift workers" is left out whole rather than cut to "for shift"."""
    if len(words) <= MAX_WORDS:
        return len(words)
    ends = (i for i, word in enumerate(words[: MAX_WORDS + 1]) if word in _LINKS or word in ("and", "or"))
    at = max(ends, default=0)
    if words[at] == "to" and "from" in words[2:at]:  # "from March" says nothing without "to the autumn"
        return words.index("from", 2)
    if (
        words[at] == "and" and "between" in words[2:at] and not words[at - 1].endswith("s")
    ):  # "between standard cost" neither
        return words.index("between", 2)
    and_more = words[at] in ("and", "or") and _ARTICLES.isdisjoint(words[at + 1 : at + 2])
    if at > 3 and and_more and words[at - 1].islower():
        if words[at - 2] in ("a", "an") and words[at - 1] + "s" not in _TIMES:
            return 0  # "a needle and debt advice stall"
        if words[at - 2] in _LINKS - {"of"}:  # nor "for pension" of "for pension and dividend choices"
            at -= 2
    return at if at >= 3 else MAX_WORDS


def _hangs(words: list[str]) -> bool:
    last, before = words[-1].lower(), words[-2].lower()
    return (
        last in _HANGING
        or _MONEY.fullmatch(words[-1]) is not None
        or (last in _PARTICLES and before in _LINKS)
        or (last in _TIMES and before in _HANGING and len(words) > 3 and words[-3] not in _LINKS | _ARTICLES)
        or (last.endswith("ed") and is_deed(last) and (len(words) == 2 or before in _HANGING))
    )


@cache
def _verbs() -> frozenset[str]:
    return frozenset(word for line in data_lines("verbs.txt") for word in line.split())


@cache
def _gerunds() -> frozenset[str]:
    return frozenset(_ing(verb) for verb in _verbs())


def _is_verb(word: str) -> bool:
    return word in _verbs() or (word.startswith("re") and word[2:] in _verbs())


def _ing(verb: str) -> str:
    if verb in _DOUBLE:
        return verb + verb[-1] + "ing"
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("ic"):
        return verb + "king"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")) and verb != "be":
        return verb[:-1] + "ing"
    return verb + "ing"


_DONE = {
    "led": "leading", "built": "building", "ran": "running", "made": "making", "taught": "teaching",
    "wrote": "writing", "won": "winning", "cut": "cutting", "grew": "growing", "kept": "keeping",
    "set": "setting", "held": "holding", "drove": "driving", "brought": "bringing", "took": "taking",
    "gave": "giving", "oversaw": "overseeing", "sold": "selling", "bought": "buying", "began": "beginning",
    "rebuilt": "rebuilding", "chose": "choosing", "drew": "drawing", "met": "meeting",
    "rewrote": "rewriting", "undertook": "undertaking", "fed": "feeding", "sat": "sitting",
    "dealt": "dealing", "sent": "sending", "spoke": "speaking", "swept": "sweeping", "laid": "laying",
    "dug": "digging", "upheld": "upholding", "fought": "fighting",
}  # fmt: skip
_FOR = _set(
    "caring covering preparing accounting arranging applying deputising deputizing campaigning cooking"
)
_OWN = re.compile(r"^[\W_]*(?:(?:I|we|also|then|successfully|have|has|I['’]ve)\s+)*", re.IGNORECASE)
# Where what was done ends and its measure, or somebody else, begins.
_MEASURE = re.compile(
    r"\s+(?:(?:from|to|by|over|about|around|at|than|nearly|up to|of)\s+)?\S*\d|\b(?:my|me|I)\b"
    r"|\s+by (?:a (?:third|quarter|half|fifth)|half)\b"
)
_WITH = re.compile(r"^(\S+ \S+ \S+.*) with (?:an? )?\w+(?: (?:under|below|above))?$")
# "Brought food cost from 34% to 30%" is told without its figures as "lowering food cost".
_MOVED = re.compile(r"from (\d+(?:\.\d+)?)%? to (\d+(?:\.\d+)?)(?:%|(?![\w,]))")


def deed_phrase(deed: str) -> str:
    """ "Cut the run time of reports by 40%" becomes "cutting the run time of reports".

    "" for a sentence that does not begin with what was done, or says too little of it before the figures.
    """
    bare = _OWN.sub("", deed)
    if found := _MEASURE.search(bare):  # "with a response of 80%", "with differences below 5" go with it
        bare = _WITH.sub(r"\1", bare[: found.start()])
    words = _clause(bare, past=True)
    if len(words) < 2 or words[1] in ("at", "in", "as", "by") or not (doing := _doing(words[0])):
        return ""  # "Stationed at a customer's" is no deed
    if words[1] == "for" and doing not in _FOR:
        return ""  # nor is "Recognized for clean workpapers"
    words[0] = doing
    if doing == "bringing" and _WHERE_TO.isdisjoint(words) and (moved := _MOVED.search(deed)):
        before, after = map(float, moved.groups())
        words[0] = "raising" if after > before else "lowering"
    if at := _joined(words):
        if not (doing := _doing(words[at])):
            return ""
        words[at] = doing
    phrase = _phrase(words)
    # "Reduced errors by 40%" says too little, "Counted stock and cut losses" has more to tell.
    least = 2 if re.match(r"\S+ \S+ (?:and|when|who|while) [a-z]", bare) else 3
    return phrase if len(phrase.split()) >= least else ""


def _doing(done: str) -> str:
    """ "planned" as "planning"; "" for what is no verb in the past."""
    done = done.lower()
    if done in _DONE or not (is_deed(done) and done.endswith("ed")):
        return _DONE.get(done, "")
    if done.endswith("ied"):
        return done[:-3] + "ying"
    return (done[:-1] if done.endswith("eed") else done[:-2]) + "ing"
