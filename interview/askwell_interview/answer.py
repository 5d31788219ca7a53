"""What an answer was like: what a follow-up asks for depends on it.

Rules, and no model: what is missing from an answer can be looked for. An answer that is told ("I rolled back
the release") needs an occasion, what the candidate did, and how it ended. One about what the candidate would
do, or does as a rule, needs steps with details in them, and a way to see whether it worked.
"""

import re
from dataclasses import dataclass

from .data_file import first_names, plain_words
from .life import without_life_clauses
from .personal import find_personal
from .question import QuestionType, Trigger
from .skill import gazetteer
from .span import Span, merge, touches
from .word import WORD, stem, stems

MAX_ANSWER_CHARACTERS = 4000
# So few words that are about something leave nothing to picture.
FEW_DETAILS = 3
HYPOTHETICAL = (QuestionType.SITUATIONAL, QuestionType.TECHNICAL)
# First names that a transcript has as something else.
_NAMES_OF_THINGS = frozenset(("jack", "jordan", "yang", "ender"))
# Names at the head of a text are looked for as in a résumé; an answer has no head.
_NO_HEAD = "\n" * 12

_NUMBER = (
    r"(?:\d[\d.,]*|(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|several)\b)"
)


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# When and where it was.
_OCCASION = _any(
    r"\b(?:19|20)\d\d\b",
    rf"\b{_NUMBER} (?:years?|months?|weeks?|days?) ago\b",
    r"\b(?:last|that|one) (?:spring|summer|autumn|fall|winter|year|month|week|time|day|morning|evening|"
    r"night)\b",
    r"\b(?:at|in|during|on) my (?:last|first|second|third|previous|present|current|old|former|apprenticeship|"
    r"training|internship|studies)\b",
    r"\bI once\b",
    r"\b(?:in|since|through) (?:january|february|march|april|may|june|july|august|september|october|november|"
    r"december)\b",
    r"\bon an? (?:mon|tues|wednes|thurs|fri|satur|sun)day\b",
    r"\b(?:when|while|after|before) (?:I|we|the|our) (?:\w+ ){0,2}\w+(?:ed|ook|ame|ent|oke|ell)\b",
    r"\bin that (?:project|case|job)\b",
)
_STEP = _any(
    r"\b(?:first(?! of all)|then|next|after that|finally|each (?:day|morning|evening)|at noon|"
    r"(?:begin|start) with)\b"
)
# How it ended, or how one would know.
_RESULT = _any(
    r"\bas a result\b|\bin the end\b|\b(?:ever )?since(?: then\b|[.,;]|$)|\bafterwards\b",
    r"\b(?:down|up) (?:to|from)\b",
    rf"\bby (?:{_NUMBER} ?(?:%|percent|per cent)|half|a (?:half|third|quarter|fifth|tenth))",
    rf"\bfrom {_NUMBER}[^.]{{0,30}}? to \b",
    rf"\b(?:after|within) {_NUMBER} (?:\w+ )?(?:minutes|hours|days|weeks|months)\b",
    r"\b(?:fell|rose|dropped|doubled|tripled|halved|stayed|passed|succeeded|failed|saved|finished|delivered|"
    r"signed|accepted|agreed|approved|thanked|won|recovered|improved|increased|decreased|reduced|shrank|"
    r"shrunk|grew)\b",
    r"\b(?:was|were|is|are) (?:back|stable|solved|fixed|open again|happy|satisfied|able to|adopted|in use)\b",
    r"\b(?:now|today) (?:we|they|it|the|everybody|nobody)\b|\b(?:we|they|it) now\b",
    r"\bto see (?:whether|if|that)\b|\buntil (?:the|it|they|all)\b",
    r"\b(?:which|that) (?:brought|meant|led)\b|\bonly \w+ in \w+\b|\bit (?:worked|held|took only)\b",
)
# Praise of oneself. It counts where nothing that was done stands beside it.
_CLAIM = _any(
    r"\b(?:the|probably the|one of the) (?:best|most (?!sense|important)\w+|fastest|greatest)\b",
    r"\b(?:excellent|outstanding|perfect(?:ly|ionist)?|flawless(?:ly)?|exceptional(?:ly)?|amazing|fantastic|"
    r"brilliant|unmatched|world-class|expert|passionate|dedicated|hard-?working|fluent|quick learner|"
    r"natural (?:leader|talent|born))\b",
    r"\b(?:very|really|super|incredibly|extremely|highly|truly|absolutely) (?!much|often|likely|important|"
    r"hard|short|little|few|busy|late|early|well|different|difficult)\w+",
    r"\b(?:great|so) (?:good|great|fast|careful|motivated|organi[sz]ed|skilled|reliable|team player)\b",
    r"\bI have (?:an? |such )?(?:\w+ )?(?:great|keen|deep|strong|natural|unique|talent|gift|knack)\b",
    r"\bI (?:never|always) (?:\w+ )?(?:make|miss|deliver|give|get|win|fail|succeed)\b|\bhave always been\b",
    r"\bin no time\b|\bno problem (?:at all|for me)\b|\b(?:one )?hundred per ?cent\b|\bwhatsoever\b",
    r"\bnothing (?:ever|that I)\b|\banything to any\w+|\bI know every",
    r"\b(?:everybody|everyone|people|customers|guests|pupils|patients|colleagues) (?:have )?(?:always )?"
    r"(?:says?|have always|loves?|adores?|follows?|remembers?|trusts?)\b",
    r"\b(?:more|better|faster|above|ahead of) (?:than )?(?:any|every)(?:body|one)\b",
    r"\b(?:known|famous) for\b|\bin my blood\b|\bmy (?:calling|passion)\b",
)
_WE = re.compile(r"\b(?:we|(?:our|the)(?: whole)? (?:team|department|group) [a-z]+)\b", re.IGNORECASE)
_OWN = re.compile(
    r"\bI(?:['’]d|['’]ve|['’]ll)?(?: (?:would|will|then|also|first|once|at once|always|never|often|just|"
    r"usually|normally|really|\w+ly|(?:have|had)(?= \w+(?:ed|en|ne|t|k|ld)\b)))* (\w+)"
)
# What a candidate says of a state, and not of anything done.
_NO_DEED = frozenset(
    re.findall(
        r"\S+",
        "am was be been had have can could should may might think thought believe guess mean hope know knew "
        "stay like liked love loved enjoy enjoyed want wanted need needed suppose try tried feel "
        "felt noticed",
    )
)
_SOFT = frozenset(
    stems(
        "oh plenty my mind myself him me everything anything everybody sit probably honestly hmm "
        "well depends nice"
    )
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer without personal data. ``removed``: the words that stood in it, in no order."""

    text: str
    removed: frozenset[str]


def answer_from_text(text: str, job: str = "") -> Answer:
    """A name becomes "somebody"; the rest of what tells who or where a person is goes, and so do the clauses
    that tell of private life. ``job``: what is known of the work."""
    said = " ".join(text.split())
    text = " ".join(filter(None, (without_life_clauses(s, job) for s in re.split(r"(?<=[.!?]) ", said))))
    left = frozenset(stems(text)) | plain_words()
    life = {word.casefold() for word in WORD.findall(said) if len(word) > 2 and left.isdisjoint(stems(word))}
    kept, at = [], 0
    spans = _personal(text)
    for span in spans:
        kept += [text[at : span.start], "somebody" if span.kind == "name" else ""]
        at = span.end
    removed = re.findall(r"[^\W\d_]{3,}|\d{4,}", " ".join(text[s.start : s.end] for s in spans).casefold())
    return Answer(" ".join("".join((*kept, text[at:])).split()), frozenset((*removed, *life)))


def _personal(text: str) -> list[Span]:
    shift = len(_NO_HEAD)
    spans = [Span(s.start - shift, s.end - shift, s.kind) for s in find_personal(_NO_HEAD + text)]
    return merge([*spans, *_small_names(text)])


def _small_names(text: str) -> list[Span]:
    """First names in small letters, as transcripts have them, that are no everyday words and no skills."""
    skills = [Span(hit.start, hit.end, "skill") for hit in gazetteer().hits(text)]
    return [
        Span(match.start(), match.end(), "name")
        for match in re.finditer(r"(?<![\w.'’-])[^\W\d_]{3,}(?![\w])", text)
        if (word := match.group()).islower()
        and word in first_names()
        and stem(word) not in plain_words()
        and word not in _NAMES_OF_THINGS
        and not touches(skills, match.start(), match.end())
    ]


def trigger_of(text: str, type: QuestionType) -> Trigger:
    """What the answer lacks most, or STRONG. ``text`` is redacted. ``type`` is that of its question."""
    told = type not in HYPOTHETICAL or _OCCASION.search(text) is not None
    details = len(_details(text))
    own = _own_deeds(text)
    happened = _OCCASION.search(text) is not None or _STEP.search(text) is not None
    if _CLAIM.search(text) and not (happened and own):
        return Trigger.UNSUPPORTED
    if details < FEW_DETAILS and not (happened and (own or _WE.search(text))):
        return Trigger.VAGUE
    if told and not own and _WE.search(text):
        return Trigger.WE_NOT_I
    return Trigger.STRONG if _RESULT.search(text) or (told and _turned_out(text)) else Trigger.NO_RESULT


def _turned_out(text: str) -> bool:
    """Whether the last sentence, after one on what the candidate did, is about something else: "It was the
    water." """
    *before, last = re.split(r"(?<=[.!?]) ", text)
    return _own_deeds(" ".join(before)) > 0 and re.match(r"(?:So |And )?I\b", last) is None


def _details(text: str) -> set[str]:
    """Stems of words that are about something: no function words, none that fits every answer."""
    return {s for s in stems(text) if s not in plain_words() and s not in _SOFT}


def _own_deeds(text: str) -> int:
    """How often the candidate is the one who did, does or would do something."""
    return sum(verb.lower() not in _NO_DEED for verb in _OWN.findall(text))
