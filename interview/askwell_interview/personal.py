"""Personal data in a text: where it stands, so that nothing downstream ever sees it."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import phonenumbers

from .address import addresses
from .data_file import first_names, plain_words, stems_of, telling_words
from .deed import acts, is_deed
from .name import names_in_text
from .segment import Section, heading
from .skill import gazetteer
from .span import Span, merge
from .word import stem

_EMAIL = re.compile(
    r"(?<![\w.+%'-])[\w.+%'-]+\s?(?:@|\(at\)|\[at\])\s?[\w-]+(?:\s?(?:\.|\(dot\)|\[dot\])\s?[\w-]+){1,6}"
    r"|(?<![\w.+-])[\w.+-]+ at [\w-]+(?: dot [\w-]+){1,3}\b",
    re.IGNORECASE,
)
_URL = re.compile(
    r"\b(?:https?://|www\.)[^\s<>|]+"
    r"|(?<![\w.-])(?:[a-z0-9-]{1,63}\.){1,6}(?:com|org|net|io|dev|me|info|eu|uk|de|fr|es|it|nl|pl|in|cn|jp|br|ca|au|us|"
    r"ch|at|se|co)"
    r"(?:/[^\s<>|]*)"
    r"|(?<![\w.-])(?:[a-z0-9-]{1,63}\.){0,4}(?:linkedin|github|gitlab|xing|behance|dribbble|medium|facebook|instagram|"
    r"twitter|t)"
    r"\.(?:com|net|io|me)\b[^\s<>|]*",
    re.IGNORECASE,
)
# With neither "www" nor a path it may be a tool, "draw.io", or an employer as well.
_SITE = re.compile(
    r"(?<![\w.@/-])(?:[A-Za-z0-9][A-Za-z0-9-]{1,62}\.){1,3}(?:com|org|net|io|dev|me|info|biz|eu|uk|de|fr|es|nl|pl|"
    r"se|ch|at|co|br|ca|COM|ORG)(?![\w@/-]|\.\w)"
)
_TOOL_SITES = frozenset(
    (
        "ado.net",
        "asp.net",
        "diagrams.net",
        "draw.io",
        "make.com",
        "ml.net",
        "monday.com",
        "socket.io",
        "vb.net",
    )
)
_HANDLE = re.compile(
    r"(?<![\w.])@[A-Za-z]\w{2,}"
    r"|(?im:^.{0,60}?\b(?:skype|telegram|whatsapp|wechat|twitter|instagram|linkedin|github|website|homepage|"
    r"portfolio|web)\s*(?:id)?\s*:\s*)(?P<value>\S+)"
    r"|(?i:\b(?:skype|telegram|wechat|twitter|instagram|linkedin|github|gitlab)[ /–-]{1,3})"
    r"(?P<user>[A-Za-z][A-Za-z._-]{3,}\d+)\b"
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_LABELLED = re.compile(
    r"(?:^|\|)[ \t#*_•·-]*(?:(?:home|postal|permanent|current|mailing) )?(?:address|residence|date of birth|"
    r"d\.?o\.?b\.?|"
    r"birth ?(?:date|day|place)|place of birth|born|age|nationality|nationalities|citizenship|marital status|"
    r"civil status|family(?: status)?|spouse|partner|children|dependents|religion|gender|sex|ethnicity|race|"
    r"passport(?: no\.?| number)?|national insurance(?: no\.?| number)?|ni number|ssn|"
    r"social security(?: no\.?| number)?|"
    r"id (?:no\.?|number)|identity (?:card|number)|tax (?:id|number)|visa(?: status)?|height|weight|"
    r"blood group|"
    r"health|disabilit(?:y|ies)|father(?:'s name)?|mother(?:'s name)?|military service|phone|"
    r"telephone|tel|mobile|"
    r"cell|fax|e-?mail|photo|geburts(?:datum|tag|ort)|geboren(?: am)?|familienstand|staatsangeh[öo]rigkeit|"
    r"anschrift|adresse|telefon|mobil|handy|date de naissance|nationalité|[ée]tat civil|situation familiale|"
    r"fecha de nacimiento|estado civil|nacionalidad|data de nascimento|nacionalidade|data di nascita|"
    r"nazionalità)\b[.\s*_]*[:|\-–—][^\n]*",
    re.IGNORECASE | re.MULTILINE,
)
_DATE = (
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)?[ ./-](?:\d{{1,2}}|{_MONTH})[ ,./-]{{1,2}}\d{{2,4}}"
    rf"|\d{{4}}[./-]\d{{1,2}}[./-]\d{{1,2}}|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|(?:19|20)\d\d)\b"
)
_LIFE = re.compile(
    rf"\b(?:born|birth(?:day|date)?|date of birth|d\.?o\.?b)\b[\s:.(–-]{{0,3}}{_DATE}"
    r"|\bat the age of \d{2}\b|\b(?:now )?at [2-7]\d(?=, (?:and )?still\b)"
    r"|\bborn (?:on|in)\b[^\n.;|]*|\b\d{1,2}[- ]years?[- ]old\b|\baged? \d{2}\b|\b\d{3}-\d{2}-\d{4}\b"
    r"|\b[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b"
    r"|\b(?:i am |i'm |happily )?(?:married|divorced|widowed)\b[^\n.;|]*"
    r"|\b(?:single |proud )?(?:mother|father|mum|mom|dad|parent) of\b[^\n.;|]*"
    r"|\b(?:one|two|three|four|five|\d) (?:(?:young|small) )?(?:children|kids|sons|daughters)\b"
    r"|\b(?:my (?:wife|husband|spouse|partner|children|son|daughter))\b[^\n.;|]*"
    r"|\b(?:british|american|german|french|indian|chinese|polish|spanish|italian|nigerian|mexican|canadian|"
    r"australian|irish|dutch|portuguese|turkish|pakistani|ukrainian|romanian) (?:citizen|national|"
    r"passport)\w*",
    re.IGNORECASE,
)
# A document and its number, wherever it is told: "driving licence RL391826", "passport no. 512 663 120".
_DOCUMENT = re.compile(
    r"(?i:\b(?:licen[cs]e|passport|card|permit|visa|registration|membership|pin|policy)\b)"
    r"(?i:[ \t]+(?:no|nr|number|num|id))?[ \t.:#(–-]{1,4}(?:[A-Z]{2,5}[ \t]+)?"
    r"(?P<value>(?!(?:19|20)\d\d\b)(?:[A-Z]{1,3}[ -]?)?\d(?:[ -]?[\dA-Z]){4,13}\b)"
    r"|(?i:\b(?:resident id|aadhaar|cpf|curp|insee|personnummer|steuer-?id|ssn|dni|nie|nif|bsn|pesel|"
    r"(?:id|identity|tax) (?:card|number))\b)[ \t.:#–-]{1,4}"
    r"(?P<number>(?=(?:[ .-]?[\dA-Z]){6})(?=[A-Z]{0,6}\d)[\dA-Z]{1,22}(?:[ .-][A-Z]{0,3}\d[\dA-Z]*){0,7})\b"
    r"|(?i:\b(?:national insurance(?: no\.?| number)?|ni number))[ \t.:#–-]{1,4}"
    r"(?P<insurance>[A-Z]{2}(?: ?\d\d){3} ?[A-Z]?)\b"
)
# Numbers that tell by their form what they are: an account (IBAN) and an Indian taxpayer (PAN).
_FOUR = r"(?: ?(?=[A-Z]{0,3}\d)[A-Z\d]{4}| ?[A-Z]{4}(?= ?\d))"
_NUMBER = re.compile(
    rf"\b(?:IBAN[ :]{{1,3}})?[A-Z]{{2}}\d\d{_FOUR}{{2}}"
    rf"(?:{_FOUR}{{1,5}}(?: ?\d[A-Z\d]{{0,2}})?| ?\d{{3}})(?!\w)"
    r"|\b(?:PAN[ :]{1,3})?[A-Z]{5}\d{4}[A-Z]\b"
)
_DIGITS = re.compile(r"(?<![\w.,/€$£#-])(?:\+|00)?\(?\+?\d(?:[ \u2011().\-/]{0,3}\d){6,16}(?![\d%])")
_DATES = re.compile(
    r"(?:19|20)\d\d\s*[-–—/ ]+\s*(?:19|20)\d\d|\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d.*|\d{4}-\d\d-\d\d.*"
    r"|\d{1,2}[/.](?:19|20)\d\d.*|(?:19|20)\d\d[/.-]\d{1,2}\b.*"
)
_PHONE_WORD = re.compile(
    r"(?:phone|tel|mobile|cell|call|fax|whatsapp|contact|ph|☎|📞)\S{0,9}[\s:.)]*$", re.IGNORECASE
)
REGIONS = ("GB", "US", "DE", "FR", "IN", "CN", "ES", "IT", "PL", "BR", "AU", "NL")
_HEADER_LINES = 12
# So many words in small letters are a sentence, whose other words an address says nothing of; and fewer
# than these are none at all: "Leeds | 0113 496 0000".
_SENTENCE_WORDS = 6
_LINE_WORDS = 3
_WORK = frozenset(Section) - {Section.HEADER, Section.PERSONAL, Section.OFFER}
_LETTERS = re.compile(r"[^\W\d_]+(?:['’](?!s\b)[^\W\d_]+)*")


def find_personal(text: str) -> list[Span]:
    """Every piece of ``text`` that tells who or where a person is, in order, never overlapping.

    Rather too much than too little: a line of the header that holds an e-mail, number, link or address is
    taken whole, since the town beside them is one too.
    """
    spans = [
        *_spans(_EMAIL, text, "email"),
        *_spans(_URL, text, "url"),
        *_spans(_HANDLE, text, "handle"),
        *addresses(text),
        *_spans(_LABELLED, text, "life"),
        *_spans(_LIFE, text, "life"),
        *_spans(_DOCUMENT, text, "life"),
        *_spans(_NUMBER, text, "life"),
        *_phones(text),
    ]
    spans += _header_lines(text, spans)
    emails = [text[s.start : s.end] for s in spans if s.kind == "email"]
    spans += names_in_text(_capitalised(text), emails, bool(spans))
    spans += _sites(text)
    return merge(spans)


def _spans(pattern: re.Pattern[str], text: str, kind: str) -> Iterator[Span]:
    for match in pattern.finditer(text):
        group = match.lastgroup or 0
        yield Span(match.start(group), match.end(group), kind)


def _sites(text: str) -> Iterator[Span]:
    for match in _SITE.finditer(text):
        if match.group().lower() not in _TOOL_SITES and not gazetteer().hits(match.group()):
            yield Span(match.start(), match.end(), "url")


def _phones(text: str) -> Iterator[Span]:
    for match in _DIGITS.finditer(text):
        raw = match.group()
        digits = sum(c.isdigit() for c in raw)
        if not 7 <= digits <= 15 or _DATES.fullmatch(raw.strip("() ")):
            continue
        told = _PHONE_WORD.search(text, max(0, match.start() - 24), match.start()) is not None
        if told or raw.startswith(("+", "00", "(+")) or _valid(raw):
            yield Span(match.start(), match.end(), "phone")


def _valid(raw: str) -> bool:
    """Whether some region would take the digits for a number that exists."""
    for region in REGIONS:
        try:
            number = phonenumbers.parse(raw, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return True
    return False


def _header_lines(text: str, spans: list[Span]) -> Iterator[Span]:
    at, work = 0, False
    for line in text.split("\n")[:_HEADER_LINES]:
        start, end = at, at + len(line)
        at = end + 1
        section = heading(line)
        work = work if section is None else section in _WORK
        if len(line) <= 160 and _is_contact(text, start, end, spans, work):
            yield Span(start, end, "contact")


def _is_contact(text: str, start: int, end: int, spans: list[Span], work: bool) -> bool:
    """Whether a line tells how to reach somebody, and not what was done somewhere; ``work``: it stands below
    a heading such as "Experience"."""
    inside = [s for s in spans if s.start < end and s.end > start]
    kinds = {s.kind for s in inside}
    rest = _without(text, start, end, inside)
    words = len(re.findall(r"\b[a-z]{2,}\b", rest))
    if kinds & {"email", "phone"}:
        if work:
            return words < _LINE_WORDS and not gazetteer().hits(rest)
        return not (re.match(r" *[-*+•·‣▪●] ", text[start:end]) and acts(text[start:end]))
    return bool(kinds & {"url", "address"}) and not work and words < _SENTENCE_WORDS


def _without(text: str, start: int, end: int, spans: list[Span]) -> str:
    letters = list(text[start:end])
    for span in spans:
        for at in range(max(span.start, start), min(span.end, end)):
            letters[at - start] = " "
    return "".join(letters)


def _capitalised(text: str) -> str:
    """A résumé all in small letters with capitals where a name may stand; any other text as it is."""
    if re.search(r"^(?:[^\w\n]|[\d_])*+[A-ZÀ-ÖØ-Þ]", text, re.MULTILINE):
        return text
    lines = [line for line in text.split("\n") if line.strip()]
    if not any(heading(line) in _WORK for line in lines):
        return text
    names = {word for word in _LETTERS.findall(lines[0]) if not _is_ordinary(word)}
    for first, last in pairwise(_LETTERS.finditer(text)):
        pair = {first.group(), last.group()}
        beside = text[first.end() : last.start()] == " "
        if beside and first.group() in first_names() and not any(map(_is_ordinary, pair)):
            names |= pair
    end = text.index(lines[0]) + len(lines[0]) if heading(lines[0]) is None else 0

    def written(match: re.Match[str]) -> str:
        word, name = match.group(), match.group().capitalize()
        return name if len(name) == len(word) and (word in names or match.start() < end) else word

    return _LETTERS.sub(written, text)


def _is_ordinary(word: str) -> bool:
    """Whether the word is one of everyday English, a deed, or part of a skill's name."""
    return is_deed(word) or stem(word) in _ordinary_stems()


@cache
def _ordinary_stems() -> frozenset[str]:
    skills = frozenset(stem(word) for key in gazetteer().spellings for word in key)
    return skills | plain_words() | telling_words() | stems_of("verbs.txt")
