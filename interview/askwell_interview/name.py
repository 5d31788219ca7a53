"""People's names: found at the head of a résumé, behind a label or a title, and wherever they come again."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise, takewhile

from .data_file import first_names, plain_words
from .deed import is_deed
from .segment import heading
from .skill import gazetteer
from .span import Span
from .word import stem

_CAPITAL = r"[A-ZÀ-ÖØ-ÞŁŚŻŹĆŘŠŽČĐİ]"
_PART = rf"(?:{_CAPITAL}(?:(?:['’-]*+\w++)++|\.?))"
_FULL = re.compile(
    rf"{_PART}(?:,? (?:(?:van|von|de|der|den|da|das|di|do|del|della|la|le|bin|bint|ibn|al|el|dos|ter|"
    rf"zu) ){{0,2}}{_PART}){{1,4}}"
)
# From the first capital of a word only: a long word without spaces is not read again from each letter.
_RUN = re.compile(rf"(?:(?={_CAPITAL}\.)|(?<![\w'’-])(?:(?!{_CAPITAL})[\w'’-])*+)(?P<names>{_FULL.pattern})")
_LABEL = re.compile(
    r"^[ \t#*_•-]*(?:(?:full |first |last |family |sur|candidate |applicant )?name|applicant|"
    r"candidate|contact(?: person)?|"
    r"referees?|references?|(?:hiring |line )?manager|supervisor|recruiter|signed|yours sincerely,?|"
    r"written by|author)"
    r"[ *_]*[:|\n][ *_\n]*(?P<value>[^\n]{2,60})",
    re.IGNORECASE | re.MULTILINE,
)
_TITLED = re.compile(
    rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Dame|Herr|Frau|Mme|Mlle|Madame|"
    rf"Monsieur|Sr|Sra|Señora?)\.? ({_PART}(?: {_PART}){{0,2}})"
)
_PREFIX = re.compile(
    r"^(?:curriculum vitae|r[ée]sum[ée]|cv|lebenslauf)(?: of| for| –| -|:|,|\s)*|^(?:mr|mrs|ms|miss|"
    r"dr|prof)\.? ",
    re.IGNORECASE,
)
_DOER = re.compile(
    rf"(?:^[ #*_•·▪●–—-]*|[.!?;|] +)(?P<who>{_PART}(?: {_PART}){{0,2}}) (?:(?:has|have|had|was|also|\w+ly) )?"
    r"(?P<verb>[a-z]+)\b",
    re.MULTILINE,
)
# A header's line is short; what stands further on one as long as a page is no header.
_HEADER_LINE = 2000
_CUT = re.compile(r"\s+[|–—•·/-]\s+|\s*[|•·;(]\s*|,\s+(?=[A-Z]{2,5}\b)")
_NOT_A_NAME = frozenset(
    re.findall(
        r"\S+",
        "curriculum vitae resume résumé cv profile summary objective about contact details personal "
        "information senior junior lead chief head principal staff associate assistant deputy vice "
        "executive general regional engineer developer manager nurse teacher accountant designer "
        "analyst consultant director officer specialist technician administrator coordinator "
        "supervisor representative clerk operator mechanic electrician plumber chef cook waiter "
        "barista driver lawyer solicitor paralegal attorney architect scientist researcher professor "
        "lecturer tutor therapist pharmacist physician doctor dentist midwife carer caregiver worker "
        "receptionist secretary buyer planner controller auditor advisor adviser agent broker cashier "
        "guard inspector instructor trainer writer editor journalist photographer producer programmer "
        "tester recruiter salesperson marketer registered certified licensed chartered qualified "
        "experienced professional graduate intern trainee apprentice software hardware backend "
        "frontend full stack data cloud web mobile security network systems product project program "
        "programme marketing sales finance financial human resources customer service support "
        "business operations logistics warehouse production quality health care clinical medical "
        "mental social primary secondary school hospital university college institute company "
        "corporation limited ltd inc llc gmbh group street road north south east west new united city "
        "team department job description title position role vacancy the and of for with in at to a "
        "an our we you your january february march april may june july august september october "
        "november december monday tuesday wednesday thursday friday saturday sunday english french "
        "german spanish chinese education experience skills employment history work languages "
        "references interests training certifications achievements projects qualifications "
        "requirements responsibilities duties benefits ward restaurant hotel kitchen science "
        "mathematics biology chemistry physics history art music bachelor master diploma degree award "
        "national international local community public private",
    )
)


def names_in_text(text: str, emails: Iterable[str], has_contact: bool) -> list[Span]:
    """Spans of names. ``emails`` help: whose local part is in the header is a name.

    An unknown first line counts as a name when a contact stands in the text, or it reads as a résumé.
    """
    words = _locals(emails)
    small = _standing_small(text)
    found: list[str] = []
    spans: list[Span] = []
    for match in _LABEL.finditer(text):
        for name in _people(match.group("value"), trusted="name" in match.group().casefold()):
            found.append(name)
    for match in _TITLED.finditer(text):
        found.append(match.group(1))
        spans.append(Span(match.start(), match.end(), "name"))
    found += _header_names(text, words, small, has_contact)
    found += _mailed(text, words, small)
    found += _doers(text, small)
    for match in _RUN.finditer(text):
        found += _within(match.group("names"))
    spans.extend(_occurrences(text, found))
    return spans


def _within(run: str) -> Iterator[str]:
    """Names among neighbouring words with capitals.

    A capital opens every sentence, so only a known first name before a word of no skill or trade tells, or
    letters that English has not.
    """
    parts = re.split(r",? ", run)
    for at, (first, last) in enumerate(pairwise(parts)):
        if first.casefold() in first_names() and _may_be_name(last) and not _skill(f"{first} {last}"):
            rest = takewhile(lambda part: _may_be_name(part) and not _skill(part), parts[at + 2 : at + 4])
            yield " ".join((first, last, *rest))
    if not run.isascii() and all(_may_be_name(part) for part in parts) and not _skill(run):
        yield run


def _mailed(text: str, email_words: frozenset[str], small: frozenset[str]) -> Iterator[str]:
    """Words with a capital that an e-mail address is made of: "Venkat" beside venkat.iyer@example.in."""
    for match in re.finditer(rf"(?<!\w){_PART}(?!\w)", text):
        word = match.group()
        if len(word) > 2 and _folded(word) in email_words and not _is_nobodys_word(word, small):
            yield word


def _doers(text: str, small: frozenset[str]) -> Iterator[str]:
    """Who "led" or "built" at the head of a sentence: in a résumé the candidate, by whatever name."""
    for match in _DOER.finditer(text):
        words = match.group("who").split()
        if is_deed(match.group("verb")) and not any(_is_nobodys_word(word, small) for word in words):
            yield match.group("who")


def _is_nobodys_word(word: str, small: frozenset[str]) -> bool:
    """Whether the word is one of everyday English, of a trade or a skill, or in small letters elsewhere."""
    return (
        word.endswith("ly")
        or stem(word) in plain_words()
        or is_deed(word.lower())
        or not _may_be_name(word)
        or _skill(word)
        or _common([word], small)
    )


def _locals(emails: Iterable[str]) -> frozenset[str]:
    local = (re.split(r"@|\(at\)|\[at\]", email, maxsplit=1)[0] for email in emails)
    return frozenset(_folded(part) for name in local for part in re.split(r"[\W\d_]+", name) if len(part) > 2)


def _folded(word: str) -> str:
    """Small letters without accents, as addresses write them."""
    return "".join(c for c in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(c))


def _people(value: str, *, trusted: bool) -> Iterator[str]:
    """Names in what follows a label such as "Name:" or "Reference:"."""
    for piece in re.split(r"[,;|(]| and | - | – ", value):
        match = _FULL.match(piece.strip(" *_."))
        if match is None:
            if trusted and re.fullmatch(_PART, piece.strip(" *_.")):
                yield piece.strip(" *_.")
            continue
        parts = match.group().split()
        if (all(_may_be_name(part) for part in parts) and (trusted or not _skill(match.group()))) or (
            trusted and parts[0].casefold() in first_names()
        ):
            yield match.group()


def _header_names(
    text: str, email_words: frozenset[str], small: frozenset[str], has_contact: bool
) -> Iterator[str]:
    lines = [line[:_HEADER_LINE] for line in text.split("\n") if line.strip()][:6]
    locals_ = "\n".join(email_words)
    for index, line in enumerate(lines):
        bare = _PREFIX.sub("", line.strip(" #*_:-"))
        if heading(line) is not None:
            continue
        for piece in _CUT.split(bare):
            piece = piece.strip(" #*_:.,")
            if cjk := re.fullmatch(r"(?:姓名[:：]?)?([\u4e00-\u9fff·]{2,4})", piece):
                yield cjk.group(1)
                continue
            parts = [part for part in re.split(r",? ", piece) if part]
            known = [p for p in parts if _folded(p).strip("'’.,") in email_words or _in_words(p, locals_)]
            if len(parts) == 1 and known and index < 3:
                yield piece
            if not _FULL.fullmatch(piece) or not 2 <= len(parts) <= 5:
                continue
            if not all(_may_be_name(part) for part in parts) or _skill(piece):
                continue
            if (
                known
                or parts[0].casefold() in first_names()
                or (index == 0 and (has_contact or _reads_as_resume(text)) and not _common(parts, small))
            ):
                yield piece


def _in_words(part: str, locals_: str) -> bool:
    """Whether a name's part stands in a local part written in one, as in "jdoe" or "janedoe"."""
    bare = re.sub(r"\W", "", _folded(part))
    return len(bare) > 2 and bare in locals_


def _may_be_name(part: str) -> bool:
    return part.casefold().strip(".,'’") not in _NOT_A_NAME


def _skill(piece: str) -> bool:
    """Whether the gazetteer knows the piece, so that "Apache Kafka" is nobody."""
    hits = gazetteer().hits(piece)
    return sum(hit.end - hit.start for hit in hits) * 2 > len(piece)


def _reads_as_resume(text: str) -> bool:
    return re.search(
        r"^[ #*_]*(?:work |professional )?(?:experience|employment|education|career)\b", text, re.I | re.M
    ) is not None and not re.search(
        r"\b(?:responsibilities|we offer|about the role|you will|we are looking|requirements)\b", text, re.I
    )


# What stands by itself, not in an address: "mason" of "mason's", and "o'brien".
_ALONE = re.compile(r"(?<![\w.@+-])\w++(?:-\w++)*+(?![\w@+-]|\.\w)")
_JOINED = re.compile(r"(?<![\w.@+-])\w++(?:(?!['’]s\b)['’-]\w++)*+(?![\w@+-]|\.\w)")


def _standing_small(text: str) -> frozenset[str]:
    """Every word of the text as written, gathered once for all who ask for one in small letters."""
    return frozenset(_ALONE.findall(text)) | frozenset(_JOINED.findall(text))


def _common(parts: list[str], small: frozenset[str]) -> bool:
    """Whether the text uses any of the words in lower case, as no name is but in an address."""
    return any(part.lower() in small for part in parts if len(part) > 3)


_DOES = re.compile(r"['’]s\b| (?:(?:also|then|has|had|was|\w+ly) )*(?P<verb>[a-z]+)")


def _occurrences(text: str, found: Iterable[str]) -> Iterator[Span]:
    """The names and each of their parts, where they stand with a capital."""
    skill = cache(_skill)
    wanted: set[str] = set()
    doers: set[str] = set()  # somebody may be called Ruby: who does something is nobody's skill
    for full in dict.fromkeys(found):
        wanted.add(full)
        parts = [p.strip(".,") for p in re.split(r",? ", full)]
        doers.update(p for p in parts if skill(p))
        if re.fullmatch(r"[\u4e00-\u9fff·]+", full):
            continue
        for part in parts:
            if len(part) > 2 and part[0].isupper() and _may_be_name(part) and not skill(part):
                wanted.add(part)
    wanted.update([variant for name in wanted for variant in (name.upper(), name.title())])
    for name, at in _standing(text, wanted | doers):
        does = None if name in wanted else _DOES.match(text, at + len(name))
        if name in wanted or (does and (not does["verb"] or is_deed(does["verb"]))):
            yield Span(at, at + len(name), "name")


def _standing(text: str, names: set[str]) -> Iterator[tuple[str, int]]:
    """Where names stand, not within a word: in one pass, since a list of publications has thousands."""
    shapes: dict[str, set[tuple[int, int]]] = {}
    for name in names:
        if (first := _LETTERS.search(name)) is not None:
            shapes.setdefault(first.group(), set()).add((first.start(), len(name)))
    for match in _LETTERS.finditer(text):
        for before, length in shapes.get(match.group(), ()):
            start, end = match.start() - before, match.start() - before + length
            alone = not text[start - 1 : start].isalnum() and not text[end : end + 1].isalnum()
            if start >= 0 and alone and text[start:end] in names:
                yield text[start:end], start


_LETTERS = re.compile(r"[^\W_]+")
