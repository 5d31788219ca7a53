"""Private life: what a candidate tells of health, family, belief or origin, which no question may take up."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase
from typing import TypeAlias

from .data_file import data_text
from .segment import Section, Segment
from .skill import gazetteer
from .span import Span, merge
from .text import Text

Patterns: TypeAlias = tuple[re.Pattern[str], ...]
# What own life is told behind. Looked for once for all patterns, which saves most of the time.
_LEADS = {
    "my": re.compile(r"\bmy "),
    "i": re.compile(r"\bi(?: |(?=['’]m\b))"),
    "am": re.compile(r"\b(?:as|being|became|become|i am|i['’]m|i was|although|coming out as) "),
    "did": re.compile(r"^|[,;.] |\b(?:i|and|then|while|when|having|after|before) "),
}


@dataclass(frozen=True, slots=True)
class Matter:
    """One side of life. ``led``: how it is told of oneself behind each of _LEADS; ``own``: without one.
    ``words``: what is life too, unless ``home`` is found in the job's text or ``others`` in the sentence."""

    led: Mapping[str, Patterns]
    own: Patterns
    words: Patterns
    home: re.Pattern[str]
    others: re.Pattern[str]


def _compiled(patterns: Iterable[str]) -> Patterns:
    return tuple(re.compile(pattern) for pattern in patterns)


@cache
def _matters() -> tuple[Matter, ...]:
    return tuple(
        Matter(
            {lead: _compiled(entry.get(lead, ())) for lead in _LEADS},
            _compiled(entry.get("own", ())),
            _compiled(entry["words"]),
            re.compile(entry["home"]),
            re.compile(entry.get("others", r"(?!)")),
        )
        for entry in tomllib.loads(data_text("life.toml"))["matter"]
    )


# Patterns are in lower case: in any case they would take twice as long. Offsets stay what they are.
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def _matters_beside(job: str) -> list[Matter]:
    """All matters; of those that the job is about, only what is told of oneself."""
    job = job.translate(_LOWER)
    return [replace(m, words=()) if m.home.search(job) else m for m in _matters()]


def _found(sentence: str, matters: Sequence[Matter]) -> list[re.Match[str]]:
    sentence = sentence.translate(_LOWER)
    starts = {lead: [m.end() for m in pattern.finditer(sentence)] for lead, pattern in _LEADS.items()}
    found: list[re.Match[str]] = []
    for matter in matters:
        for lead, patterns in matter.led.items():
            tried = (pattern.match(sentence, at) for at in starts[lead] for pattern in patterns)
            found += filter(None, tried)
        found += _whole(sentence, matter.own)
        words = list(_whole(sentence, matter.words))
        if words and not matter.others.search(sentence):
            found += words
    return found


def _whole(sentence: str, patterns: Patterns) -> Iterator[re.Match[str]]:
    """Where words begin that match. The patterns themselves do not ask for it: they are found faster so."""
    for pattern in patterns:
        for match in pattern.finditer(sentence):
            if not sentence[: match.start()][-1:].isalnum():
                yield match


def speaks_of_life(sentence: str, job: str = "") -> bool:
    """Whether a candidate's sentence tells of private life that is not the work of the job.

    >>> speaks_of_life("Advised 300 families during pregnancy")
    False
    >>> speaks_of_life("Trained three waiters after my pregnancy")
    True
    """
    return bool(_found(sentence, _matters_beside(job)))


# Fewer words than these are no sentence that is worth keeping.
FEW_WORDS = 3
_JOINT = re.compile(r"^(?:(?:and|but|so|then)\b|[\s,;:.])+", re.IGNORECASE)
# Where a clause ends, its comma or full stop with it.
_CLAUSE_END = re.compile(
    r"[,;:.!?](?=\s|$)|(?=\s(?:and|but|so|then|because|when|while|whereas|although|though|after|before)\s)"
)


def clauses(sentence: str) -> list[Span]:
    """The sentence in pieces, each with what ends it, and with the "and" that begins it."""
    ends = [match.end() for match in _CLAUSE_END.finditer(sentence)]
    cuts = sorted({0, *ends, len(sentence)})
    return [Span(start, end, "clause") for start, end in pairwise(cuts)]


def without_life_clauses(sentence: str, job: str) -> str:
    """The sentence without the clauses that speak of life; "" where too little is left to be one."""
    found = _found(sentence, _matters_beside(job))
    if not found:
        return sentence
    pieces = [
        sentence[c.start : c.end]
        for c in clauses(sentence)
        if not any(match.start() < c.end and c.start < match.end() for match in found)
    ]
    kept = _JOINT.sub("", "".join(pieces).strip())
    return kept.rstrip(" ,;:") if len(kept.split()) >= FEW_WORDS else ""


# Every employer says whom it does not turn away; that is not what its work is about.
_WELCOME = re.compile(
    r"\b(?:regardless|irrespective|equal(?:ity)? opportunit\w+|discriminat\w+|welcome[sd]?|encourage[sd]?|"
    r"protected characteristic\w*|belong)\b",
    re.IGNORECASE,
)


def work_of(job: Text) -> str:
    """What the job's text says of the work."""
    said = (job.text[s.start : s.end] for s in job.segments if s.section is not Section.OFFER)
    return "\n".join(each for each in said if not _WELCOME.search(each))


def hide_life(resume: Text, job: Text) -> Text:
    """The résumé with what speaks of life among its personal data: a sentence whole, of a list only the item.
    A skill that is named in it stays."""
    matters = _matters_beside(work_of(job))
    spans = [span for segment in resume.segments for span in _hidden(resume.text, segment, matters)]
    return replace(resume, personal=merge([*resume.personal, *spans])) if spans else resume


def _hidden(text: str, segment: Segment, matters: Sequence[Matter]) -> Iterator[Span]:
    sentence = text[segment.start : segment.end]
    found = _found(sentence, matters)
    if not found:
        return
    whole = [Span(0, len(sentence), "clause")]
    for clause in clauses(sentence) if segment.section is Section.SKILLS else whole:
        told = [match for match in found if match.start() < clause.end and clause.start < match.end()]
        if not told:
            continue
        at = clause.start
        for hit in gazetteer().hits(sentence):
            clear = all(hit.end <= match.start() or match.end() <= hit.start for match in told)
            if clear and at <= hit.start and hit.end <= clause.end:
                yield Span(segment.start + at, segment.start + hit.start, "life")
                at = hit.end
        yield Span(segment.start + at, segment.start + clause.end, "life")
