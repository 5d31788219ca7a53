"""Personal data in a text: where it stands, so that nothing downstream ever sees it."""

import re
from collections.abc import Iterator

import phonenumbers

from .name import names_in_text
from .span import Span, merge

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
_HANDLE = re.compile(
    r"(?<![\w.])@[A-Za-z]\w{2,}"
    r"|(?im:^.{0,60}?\b(?:skype|telegram|whatsapp|wechat|twitter|instagram|linkedin|github|website|homepage|"
    r"portfolio|web)\s*(?:id)?\s*:\s*)(?P<value>\S+)"
)
_STREET = (
    r"Street|Str|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Way|Court|Ct|Close|Crescent|"
    r"Place|Pl|Square|Sq|"
    r"Terrace|Gardens|Grove|Park|Row|Hill|Mews|Highway|Hwy|Parkway|Pkwy|Circle|Cir|Walk|Quay|Wharf|"
    r"Trail|Rise|View"
)
_REST = r"(?:,?[ \n](?:(?:Apt|Apartment|Flat|Unit|Suite|Floor|#)\.? ?\w+))?(?:,[^,\n|•·;:]{2,40}){0,4}"
_ADDRESS = re.compile(
    rf"(?:\b(?:Flat|Apt|Apartment|Unit|"
    rf"Suite)\.? ?\w+,? )?\b\d{{1,5}}[A-Za-z]?,? (?:[A-Z][\w'’.-]*,? ){{1,4}}(?:{_STREET})\b\.?{_REST}"
    rf"|\b[A-ZÄÖÜ][\wäöüß-]+(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|ufer|"
    rf"damm) ?\d{{1,4}} ?[a-z]?\b{_REST}"
    rf"|\b\d{{1,4}}(?: ?bis| ?ter)?,? (?:rue|avenue|boulevard|place|chemin|impasse|quai|allée|"
    rf"cours) [^\n,|]{{3,40}}{_REST}"
    rf"|\b(?:Calle|Via|Rua|Avenida|Viale|Piazza|Plaza|ul\.|Ulica) [^\n,|]{{3,40}},? ?\d{{1,5}}\w?{_REST}"
    r"|\bP\.? ?O\.? Box \d+[^\n|]{0,40}"
    r"|\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b"
    r"|\b[A-Z][A-Za-z .'-]{2,25}, ?[A-Z]{2},? \d{5}(?:-\d{4})?\b"
    r"|\b[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d\b"
    r"|[\u4e00-\u9fff]{2,12}(?:省|市|区|路|街)[\u4e00-\u9fff\d]{0,30}号?"
)
_LABELLED = re.compile(
    r"(?:^|\|)[ \t#*_•·|-]*(?:(?:home|postal|permanent|current|mailing) )?(?:address|residence|date of birth|"
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
_LIFE = re.compile(
    r"\bborn (?:on|in)\b[^\n.;|]*|\b\d{1,2}[- ]years?[- ]old\b|\baged? \d{2}\b|\b\d{3}-\d{2}-\d{4}\b"
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


def find_personal(text: str) -> list[Span]:
    """Every piece of ``text`` that tells who or where a person is, in order, never overlapping.

    Rather too much than too little: a line of the header that holds an e-mail, number, link or address is
    taken whole, since the town beside them is one too.
    """
    spans = [
        *_spans(_EMAIL, text, "email"),
        *_spans(_URL, text, "url"),
        *_spans(_HANDLE, text, "handle"),
        *_spans(_ADDRESS, text, "address"),
        *_spans(_LABELLED, text, "life"),
        *_spans(_LIFE, text, "life"),
        *_spans(_DOCUMENT, text, "life"),
        *_phones(text),
    ]
    spans += _header_lines(text, spans)
    emails = [text[s.start : s.end] for s in spans if s.kind == "email"]
    spans += names_in_text(text, emails, bool(spans))
    return merge(spans)


def _spans(pattern: re.Pattern[str], text: str, kind: str) -> Iterator[Span]:
    for match in pattern.finditer(text):
        group = "value" if match.groupdict().get("value") else 0
        yield Span(match.start(group), match.end(group), kind)


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
    at = 0
    for line in text.split("\n")[:_HEADER_LINES]:
        end = at + len(line)
        contact = any(
            s.start < end and s.end > at and s.kind in ("email", "phone", "url", "address") for s in spans
        )
        if contact and len(line) <= 160:
            yield Span(at, end, "contact")
        at = end + 1
