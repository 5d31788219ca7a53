"""What a text of the model must pass to be asked. The order is the order of refusal."""

import re
from collections.abc import Callable
from itertools import pairwise

from rapidfuzz.fuzz import partial_ratio, ratio, token_set_ratio

from .bank import SLOT, bank
from .candidate import Candidate
from .data_file import plain_words, telling_words
from .ground import digest, field_stems, name_pairs, question_words
from .guard import Guard, Verdict
from .meaning import asked_already, off_topic, on_the_subject
from .personal import find_personal
from .prompt import EXAMPLE_QUESTIONS
from .question import Slot
from .skill import gazetteer
from .word import stems

MIN_WORDS, MAX_WORDS = 6, 45
MAX_LIKENESS = 85.0
COPY_LIKENESS = 92.0
# What the guard reads in place of a skill that the job names.
NEUTRAL = "the work"


# What cannot follow "to" where a verb must.
_NO_VERB = re.compile(
    r"(?:(?:an?|the|your|our|their|its|this|that|these|those|it|you|me|us|any|some|all|what|how|when|with|"
    r"for|of|in|on|at|from|by|and|or|not)\b|(?!bring|sing|need|feed|exceed|proceed|succeed|speed|embed|shed)"
    r"\w+(?:ing|ed)\b)",
    re.IGNORECASE,
)
_DANGLING = frozenset(
    re.findall(
        r"\S+",
        "a an the and or but because if when while that which as into your our their its be been than so",
    )
)
# "the file that it belongs to" ends well, "the stock of" does not.
_ENDS_IN_PREPOSITION = re.compile(
    r"(?P<clause>\b(?:that|which|what|who|whom|where|how)\b.*)?"
    r"\b(?:of|to|in|on|at|for|with|by|from|about|is|are|was|were)$",
    re.IGNORECASE,
)


def form(c: Candidate) -> bool:
    """One sentence or two, 6 to 45 words, in letters, with an end and no list."""
    words = question_words(c.text)
    letters = [ch for ch in c.text if ch.isalpha()]
    return (
        MIN_WORDS <= len(words) <= MAX_WORDS
        and c.text.count("?") <= 1
        and c.text[-1] in "?."
        and not re.search(r"[\[\]{}<>_*#|\"“”:;()/\\=]|\b\d+[.)] |--|\.\.|…", c.added)
        and c.added.count(",") <= 2
        and sum(ch.isascii() or ch in "éèüöäßñç" for ch in letters) >= 0.95 * max(1, len(letters))
        and len(question_words(c.added)) >= (1 if c.opening.endswith(" with") else 2)
        and words[-1].casefold() not in _DANGLING
        and not _left_open(c.added)
        and not (c.opening.endswith(" to") and _NO_VERB.match(c.added))
        and not re.search(r"\b([\w-]+)(?: \1\b)", c.added, re.IGNORECASE)
    )


def _left_open(added: str) -> bool:
    found = _ENDS_IN_PREPOSITION.search(added)
    return found is not None and not found["clause"]


def about(c: Candidate) -> bool:
    """Asks about the competency: by its name, nearly its name, most of its words, or as "it"."""
    text, name = c.text.casefold(), c.item.competency.casefold()
    asked = text.rsplit(". ", 1)[-1]
    if name not in asked and not re.search(r"\b(?:it|them|instead)\b", asked):
        # The opening names it a sentence earlier: what is asked must still be about it.
        near = frozenset(stems(name)) | (c.own - plain_words())
        return not near.isdisjoint(stems(c.added))
    if name in text or partial_ratio(name, text) >= 90:
        return True
    wanted, have = set(stems(name)), set(stems(text))
    return bool(wanted) and 2 * len(wanted & have) > len(wanted)


def invented(c: Candidate) -> bool:
    """Names a skill or a name that stands in neither document (for a core: not in the job), joins two names
    into a third, or gives a number that does not stand in the item's own evidence: a figure from elsewhere
    says something false here."""
    skills = c.ground.job_skills if c.item.slot is Slot.CORE else c.ground.job_skills | c.ground.resume_skills
    hits = gazetteer().hits(c.added)
    if any(c.added[one.end : two.start] == " " for one, two in pairwise(hits)):
        return True  # "Django FastAPI": two skills run together
    for hit in hits:
        named = hit.entry.kind != "soft" and hit.entry.field != "general"
        if named and hit.entry.name.casefold() not in skills and not set(stems(hit.entry.name)) <= c.known:
            return True
    for match in re.finditer(r"\w*\d[\w.,%]*|[^\W\d_]+(?:[.'’-][^\W\d_]+)*", c.added):
        word = match.group().rstrip(".,%")
        found = set(stems(word))
        if any(ch.isdigit() for ch in word) and not found <= c.own:
            return True
        if any(ch.isupper() for ch in word) and word != "I" and not found <= c.known:
            return True
    return not name_pairs(_without_skills(c.added, skills)) <= c.ground.names


# Each line is one way in which a small model loses the thread.
_CONFUSED = re.compile(
    "|".join(
        (
            r"\b(?:you(?:['’]re| are| were|['’]ve been)|be(?:come)?)(?: (?:to be(?:come)?|not|just|"
            r"working as))* "
            r"(?:an?|the|in (?:the|this)) \w",
            r"\b(?:the|an?|this|any|our|your) (?:\w+ )?(?:candidate|interviewer|interviewee|applicant)s?\b",
            r"\binterview\b|\bas an ai\b|\blanguage model\b",
            r"\b(?:an?|the|this|that|these|following|answer\w*) questions?\b|\bin what situation\b",
            r"\b(?:me|my|mine|myself|i|i['’]\w+)\b|\b(?:tell|describe) us\b|"
            r"\byou['’]d like to (?:know|share)\b",
            r"\byour (?:own )?(?:business|company|boss|dream|life|favou?rite|job|role|position|career|"
            r"money|finances|friend|own|restaurant|school|firm|startup)\b",
            r"\bmake (?:money|(?:an?|the|our) (?:better )?(?:business|restaurant|company|school))\b|"
            r"\bpersonal finances?\b|\bimprove your (?:\w+ )?skills?\b|"
            r"\bthe mistake\b",
            r"\b(?:might|could) (?:have|describe)\b|, which\b",
            r"\bit comes to (?:your|the|an?|this) (?:job|work|role|career|position|team)\b",
            r"^ ?be(?:come)? an? |^ ?you['’]re (?:in|at) (?:the|"
            r"an?) \w+$",
            r"\b(\w{4,}) (?:or|and|to) (?:\w+ )?\1\b",
            r"\b(?:create|build|make|start|design)(?: and \w+)? your\b",
            r"^(?:would|will|can|could|might|may|should|must)\b|^(?:['’]re|are) (?:not|in|on|at)\b",
            r"\b(?:too|very) (?:large|big|fat|old|small)$|\bdeliver(?:ing)? (?:an?|the) (?:\w+ ){0,2}"
            r"(?:patient|team|nurse)\b|\bget away with\b|\bof \w+ed$|\ball about\b|\bout of an? ",
        )
    ),
    re.IGNORECASE,
)


def confused(c: Candidate) -> bool:
    """Speaks as somebody else: answers, asks about the interview, takes the candidate for the employer."""
    if c.opening.endswith(" because") and re.search(r"\d|\b(?:we|have to|has to|needs? to)\b", c.added):
        return True  # a figure of a success as the cause of a failure; a past told in the present
    if c.opening.endswith((" which you", " how you")) and re.match(r"['’]d\b|have to\b", c.added):
        return True
    return _CONFUSED.search(c.added) is not None


# A purpose or circumstance that fits every job: "help a client", "of a mistake", "with the company".
_THIN = re.compile(
    r"(?:(?:help|improve|manage|process|create|make|build|deliver|provide|serve|support|grow|sell|handle|of|with|"
    r"you have|(?:you(?:['’]re| are)? )?(?:work|teach|deal)\w*(?: with| in)?) )?"
    r"(?:(?:an?|the|your|our|this|some|new|better|more|large) ){0,2}"
    r"(?:business|company|companies|clients?|customers?|products?|data|teams?|school|hospital|restaurant|"
    r"organi[sz]ation|world|people|equipment|performance|mistakes?|issues?|problems?|students?|patients?)"
    r"(?: (?:improve|succeed|grow))?"
    r"|(?:(?:['’]re|are) asked|try|have) to explain(?: it)?(?: to (?:someone|others))?",
    re.IGNORECASE,
)


def vague(c: Candidate) -> bool:
    """Adds nothing that tells, goes round in circles, or wanders off into words that neither the documents
    nor work know."""
    plain = plain_words() | field_stems(c.item.field)
    unknown = {
        s
        for s in stems(c.added)
        if s not in plain and s not in c.known and s not in telling_words() and len(s) > 2
    }
    own = stems(c.item.competency)
    if _THIN.fullmatch(c.added) or c.item.competency.casefold() in c.added.casefold():
        return True
    if c.item.kind == "tool" and not set(own).isdisjoint(stems(c.added)):
        return True
    long = [s for s in stems(c.added) if len(s) > 4 and s not in own]
    if len(set(long)) < len(long):
        return True
    wanted = 2 if "it comes to" in c.added.casefold() else 1
    if len(c.telling) >= wanted and 3 * len(unknown) <= len(c.telling):
        return False
    # Words that the documents do not have may speak of their work all the same: "an image for a brochure".
    if c.encoder is None or len(c.telling) + len(unknown) < wanted:
        return True
    return not on_the_subject(c.encoder, c.added, c.ground.subject)


def private(c: Candidate) -> bool:
    """Holds personal data of a document, looks like personal data, or holds a placeholder for it."""
    if re.search(r"\[[^\]]*\]|\b(?:xx+|name here|insert|placeholder|redacted)\b", c.text, re.IGNORECASE):
        return True
    if any(span.kind != "life" for span in find_personal(c.added)):
        return True
    digits = re.sub(r"\D", "", c.added)
    words = re.findall(r"[^\W\d_]{3,}|\d{4,}", c.text.casefold())
    competency = c.item.competency.casefold()
    return any(
        digest(word) in c.ground.personal for word in (*words, digits) if word and word not in competency
    )


def unlawful(c: Candidate) -> bool:
    """Is refused by the guard."""
    return not verdict_on(c.text, c.item.competency, c.ground.job_skills, c.guard).allowed


def verdict_on(text: str, competency: str, skills: frozenset[str], guard: Guard) -> Verdict:
    """The guard's verdict on a question for a job, which may name any skill that the job asks for:
    "immigration law"."""
    return guard.check(_without_skills(without_name(text, competency), skills, NEUTRAL))


def without_name(text: str, competency: str) -> str:
    """The text as the guard is to read it: the name of a known skill is left out, for "race timing" is work.
    Any other name stands, since whoever chose it might have chosen "your religion"."""
    hits = gazetteer().hits(competency)
    if not any(hit.start == 0 and hit.end == len(competency) for hit in hits):
        return text
    return re.sub(rf"(?<!\w){re.escape(competency)}(?!\w)", NEUTRAL, text, flags=re.IGNORECASE)


def _without_skills(text: str, skills: frozenset[str], instead: str = " , ") -> str:
    for hit in reversed(gazetteer().hits(text)):
        if hit.entry.name.casefold() in skills:
            text = f"{text[: hit.start]}{instead}{text[hit.end :]}"
    return text


def copied(c: Candidate) -> bool:
    """Is an example of the prompt or a question of the bank."""
    known = (*EXAMPLE_QUESTIONS, *(e.text.replace(SLOT, c.item.competency) for e in bank()))
    return any(ratio(c.text, other) >= COPY_LIKENESS for other in known)


def repeated(c: Candidate) -> bool:
    """Asks what is asked already, in these words or in others."""
    if any(token_set_ratio(c.added.casefold(), other.casefold()) >= MAX_LIKENESS for other in c.taken):
        return True
    return c.encoder is not None and asked_already(c.encoder, c.text, c.asked)


def irrelevant(c: Candidate) -> bool:
    """Has little to do with its competency and evidence, for all that it may name them."""
    return c.encoder is not None and off_topic(c.encoder, c.text, c.item)


CHECKS: tuple[tuple[str, Callable[[Candidate], bool]], ...] = (
    ("form", lambda c: not form(c)),
    ("competency", lambda c: not about(c)),
    ("invented", invented),
    ("private", private),
    ("unlawful", unlawful),
    ("confused", confused),
    ("vague", vague),
    ("copied", copied),
    ("repeated", repeated),
    ("irrelevant", irrelevant),
)


def refusal(candidate: Candidate) -> str | None:
    """The name of the first check that refuses the candidate, or None."""
    return next((name for name, refuses in CHECKS if refuses(candidate)), None)
