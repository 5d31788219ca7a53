"""Sentences and list items of a text, with their offsets, and the section each stands in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

MAX_SEGMENT = 1000


class Section(Enum):
    """What a part of a document is about. HEADER is what stands before the first known heading."""

    HEADER = "header"
    SUMMARY = "summary"
    EXPERIENCE = "experience"
    EDUCATION = "education"
    SKILLS = "skills"
    DUTIES = "duties"
    REQUIREMENTS = "requirements"
    NICE = "nice"
    OFFER = "offer"
    PERSONAL = "personal"


@dataclass(frozen=True, slots=True)
class Segment:
    """One sentence or list item, ``text[start:end]``, bullets and surrounding space left out."""

    start: int
    end: int
    section: Section
    bullet: bool


_HEADINGS: tuple[tuple[Section, str], ...] = (
    (
        Section.NICE,
        r"nice[ -]to[ -]haves?|preferred.*|desirable.*|desired.*|bonus.*|a plus|pluses|advantageous|"
        r"good to have|would be (?:nice|great|a plus)|extra credit|additional (?:assets|skills)|"
        r"(?:what|it) would (?:help|set you apart|please us).*|it helps if.*|assets|useful|welcome(?:,.*)?|"
        r"(?:it is |it's )?an? (?:advantage|plus)(?: if.*)?|nice if.*|would be appreciated|"
        r"(?:your profile: )?what we(?: would|'d)? like.*|selection criteria: desirable",
    ),
    (
        Section.REQUIREMENTS,
        r"(?:\w+ )?requirements?.*|(?:\w+ )?qualifications?(?: and .*)?|must[ -]haves?|essential.*|"
        r"person specification|"
        r"what (?:you(?:'ll| will)? (?:need|bring|have|offer)|we(?:'re| are)? (?:look|need|expect|ask).*)|"
        r"who (?:you are|we(?:'re| are) looking for)|about you|your (?:profile|background|experience|skills)|"
        r"you (?:have|bring|are|need|should have).*|we (?:need|expect|ask|are looking for).*|"
        r"(?:ideal )?candidate(?: profile)?|minimum .*|skills (?:required|and experience|needed).*|"
        r"required(?: .*)?|experience required|what you must (?:bring|have)|what we require|the person|"
        r"selection criteria(?:: essential)?|your profile: what we (?:require|need|ask)|"
        r"you must (?:have|bring)",
    ),
    (
        Section.DUTIES,
        r"(?:key |main |core |your |the )?(?:duties|responsibilities|tasks|accountabilities)(?: .*)?|"
        r"what you(?:'ll| will)? (?:do|be doing|work on)|(?:about )?the (?:role|job|position|work)|"
        r"(?:your |the )?role|your (?:work|day|impact|mission|job)|job (?:description|summary|purpose)|"
        r"day[ -]to[ -]day|in this role.*|you will(?: be responsible for)?:?|main purpose.*|"
        r"what (?:you(?:'d| would) (?:do|be doing).*|you will do .*|you(?:'ll| will) own|"
        r"the (?:job|post|role) (?:is about|involves))|"
        r"the task|an? (?:normal|typical) (?:day|week)|"
        r"(?:role|duties|tasks) and responsibilities|(?:principal|your) (?:duties|tasks)|"
        r"purpose of the (?:post|role|job)",
    ),
    (
        Section.OFFER,
        r"(?:what )?we offer.*|benefits.*|perks.*|about (?:us|the (?:company|team|hospital|school|firm)).*|"
        r"who we are|our (?:company|team|offer).*|how to apply|apply\b.*|salary\b.*|pay\b.*|"
        r"equal opportunit.*|(?:what's|what is) in it for you|conditions|contact.*|location\b.*|hours\b.*|"
        r"compensation.*|"
        r"why (?:us|join).*|(?:the )?(?:terms|package|deal|offer|fine print)|recruitment|selection|"
        r"what (?:you(?:'d| would)? (?:get|receive|can expect)|we pay.*|makes us .*)|"
        r"the (?:house|department|company)|the hospital.*|company profile|about the .*|hello|how we hire",
    ),
    (
        Section.EXPERIENCE,
        r"(?:\w+ )?(?:work |professional |relevant |career |clinical |teaching |selected )?"
        r"(?:experience|employment|history|positions|projects|achievements|accomplishments)(?: history)?|"
        r"employment|career(?: history| summary)?|work(?: history)?|volunteering|volunteer.*|positions held|"
        r"key (?:projects|achievements)|internships?|placements?",
    ),
    (
        Section.EDUCATION,
        r"education.*|training(?: and .*)?|academic.*|qualifications|certifi.*|licen[cs]es?.*|studies|"
        r"degrees?|"
        r"courses.*|registrations?.*",
    ),
    (
        Section.SKILLS,
        r"(?:\w+ |\w+ \w+ )?skills.*|competenc.*|technologies.*|tech(?:nical)? stack|tools.*|languages?|"
        r"expertise|strengths|areas of expertise|core (?:skills|competenc.*)",
    ),
    (
        Section.SUMMARY,
        r"(?:\w+ )?(?:summary|profile|objective|statement)|about(?: me)?|introduction|overview",
    ),
    (
        Section.PERSONAL,
        r"personal(?: details| information| data)?|interests.*|hobbies.*|references?|referees|"
        r"contact(?: details)?|kontakt|contacto|contatti|coordonn[ée]es|declaration",
    ),
)
_HEADING_PATTERNS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _HEADINGS)
# Headings that must look like one: in a list of skills they are skills, or anything.
_MARKED = frozenset(("recruitment", "selection", "assets", "welcome", "useful", "required", "offer", "hello"))
_BULLET = re.compile(r"[ ]*(?:[-*+•·‣◦▪■●○–—>✓✔➢➤]+|\(?\d{1,2}[.)]|[a-z]\))[ ]+|[ ]*#{1,6}[ ]*")
_SENTENCE_END = re.compile(
    r"(?<!\b[A-Z])(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bSt)(?<!\bMrs)(?<!e\.g)(?<!i\.e)(?<!\bvs)(?<!\betc)(?<!\b[Mm]in)"
    r"[.!?]{1,10}[)\"'”’]?(?=[ \n]+[^a-z\s])"
)


def heading(line: str) -> Section | None:
    """The section that a line opens, or None when it is no heading."""
    bare = line.lstrip("#*_ \t0123456789.)=-").rstrip("*_: \t=#.-").replace("’", "'")
    marked = line.lstrip().startswith(("#", "**", "__")) or line.rstrip().endswith(":") or line.isupper()
    if not marked and re.match(r"\s*[-*+•·‣▪●]\s", line):
        return None  # "- Payroll processing" is no section about pay
    limit = 8 if marked else 6 if bare.startswith("What ") else 5
    if not bare or len(bare) > 60 or len(bare.split()) > limit:
        return None
    if not marked and bare.casefold() in _MARKED:
        return None
    for kind, pattern in _HEADING_PATTERNS:
        if pattern.fullmatch(bare):
            return kind
    return None


def segments_from_text(text: str) -> list[Segment]:
    """Cut a text into sentences and list items, in order. Headings are left out.

    A line that ends without a full stop and goes on in lower case is one sentence over two lines, as PDF
    text has it. "Skills: Python, SQL" on one line opens that section for itself alone.
    """
    found: list[Segment] = []
    section = Section.HEADER
    block_start = block_end = -1
    bullet = False

    def close() -> None:
        if block_start >= 0:
            found.extend(_sentences(text, block_start, block_end, section, bullet))

    for line in re.finditer(r"[^\n]*", text):
        raw = line.group()
        if not raw.strip():
            if line.end() > line.start() or text[line.start() - 1 : line.start()] == "\n":
                close()
                block_start = -1
            continue
        if (kind := heading(raw)) is not None:
            close()
            block_start, section = -1, kind
            continue
        mark = _BULLET.match(raw)
        continues = block_start >= 0 and not mark and raw[:1].islower() and text[block_end - 1] not in ".!?:;"
        if not continues:
            close()
            inline = re.match(
                r"[*_ ]*([A-Za-z' -]{3,40})[*_ ]*:[*_ ]+(?=\S)", raw[mark.end() if mark else 0 :]
            )
            own = heading(inline.group(1)) if inline else None
            offset = mark.end() if mark else 0
            block_start, bullet = line.start() + offset, mark is not None
            if own is not None and inline is not None:
                block_start += inline.end()
                block_end = line.end()
                found.extend(_sentences(text, block_start, block_end, own, bullet))
                block_start = -1
                continue
        block_end = line.end()
    close()
    return found


def _sentences(text: str, start: int, end: int, section: Section, bullet: bool) -> list[Segment]:
    cuts = [start, *(m.end() for m in _SENTENCE_END.finditer(text, start, end)), end]
    found = []
    for begin, finish in _shortened(text, cuts):
        piece = text[begin:finish]
        trimmed = piece.strip(" \n*_|")
        if trimmed:
            offset = begin + piece.index(trimmed)
            found.append(Segment(offset, offset + len(trimmed), section, bullet))
    return found


def _shortened(text: str, cuts: list[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring cuts. A text without full stops is cut between words, since the work on a sentence grows
    with the square of its length."""
    for begin, finish in pairwise(cuts):
        while finish - begin > MAX_SEGMENT:
            space = text.rfind(" ", begin, begin + MAX_SEGMENT)
            half = space if space > begin else begin + MAX_SEGMENT
            yield begin, half
            begin = half
        yield begin, finish
