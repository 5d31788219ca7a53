"""What a question may speak of: the words of the documents, without their text."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from .data_file import plain_words
from .features import Features, Reading
from .segment import Section
from .skill import gazetteer
from .text import Text
from .word import WORD, stem, stems

# Of a candidate's deeds, as many as an encoder of 256 tokens has room for behind the job.
MAX_DEEDS = 6


@dataclass(frozen=True, slots=True)
class Ground:
    """Stems of the documents' words outside personal data, and the skills each names.

    ``personal`` holds digests of the words found in personal data only, so that a question can be checked
    for them without keeping them. ``occupation``: the title's head, "nurse", which tells nothing new.
    ``names``: pairs of neighbours with capitals, so that "Power Query" and "Dynamics 365" make no third name.
    ``subject``: what the work is about, in one text: title, duties, skills and what the candidate did.
    """

    job: frozenset[str]
    resume: frozenset[str]
    job_skills: frozenset[str]
    resume_skills: frozenset[str]
    personal: frozenset[str]
    occupation: frozenset[str]
    names: frozenset[tuple[str, str]]
    subject: str = ""


def ground_from_reading(reading: Reading) -> Ground:
    texts = [text for text in (reading.job, reading.resume) if text is not None]
    kept = [_kept(text) for text in texts]
    job, resume = frozenset(stems(kept[0])), frozenset(stems(" ".join(kept[1:])))
    private = {
        word
        for text in texts
        for span in text.personal
        for word in _private_words(text.text[span.start : span.end])
        if stem(word) not in job | resume | plain_words()
    }
    return Ground(
        job,
        resume,
        frozenset(reading.asked),
        frozenset(reading.shown),
        frozenset(map(digest, private)),
        frozenset(stems(re.split(r" (?:of|for|in) ", reading.features.job_title)[0])[-1:]),
        name_pairs(" ".join((*kept, *(n.entry.name for n in reading.asked.values())))),
        _subject(reading.features),
    )


def _subject(features: Features) -> str:
    parts = (
        features.job_title,
        "; ".join(duty.quote for duty in features.duties),
        ", ".join(skill.name for skill in features.job_skills),
        "; ".join(deed.quote for deed in features.achievements[:MAX_DEEDS]),
    )
    return ". ".join(filter(None, parts))


def _kept(text: Text) -> str:
    """The text without personal data and without the company's praise of itself: no matter for questions."""
    kept = []
    for segment in text.segments:
        if segment.section in (Section.OFFER, Section.PERSONAL):
            continue
        at = segment.start
        for span in text.personal:
            if span.start < segment.end and segment.start < span.end:
                kept.append(text.text[at : max(at, span.start)])
                at = max(at, span.end)
        kept.append(text.text[at : max(at, segment.end)])
    return " ".join(kept)


def name_pairs(text: str) -> frozenset[tuple[str, str]]:
    """Neighbouring words that both begin with a capital or a digit, by their stems."""
    return frozenset(
        (stem(match.group(1)), stem(match.group(2)))
        for match in re.finditer(r"(?<!\w)(?=([A-Z][\w'’+#.-]*\w) ([A-Z\d][\w'’+#.-]*))", text)
    )


def _private_words(value: str) -> Iterable[str]:
    digits = re.sub(r"\D", "", value)
    if len(digits) >= 6:
        yield digits
    yield from (word for word in re.findall(r"[^\W\d_]{3,}|\d{4,}", value.casefold()))


def digest(word: str) -> str:
    return hashlib.blake2b(word.casefold().encode(), digest_size=8).hexdigest()


@cache
def field_stems(field: str) -> frozenset[str]:
    """What people of a professional field talk of, in either document or not: words of its skills' names. A
    word that is a name by itself, "blockchain", would name that skill."""
    names = {
        name
        for entry in gazetteer().spellings.values()
        if entry.field == field
        for name in (entry.name, *entry.aliases)
        if " " in name or "-" in name
    }
    return frozenset(s for name in names for s in stems(name))


def question_words(text: str) -> list[str]:
    """Words and numbers as written."""
    return [match.group() for match in WORD.finditer(text)]
