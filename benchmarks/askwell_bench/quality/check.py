"""What one question must be: borne out by the documents, in form, and free of invented names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from askwell_client import Evidence, Question, Relation, Slot
from askwell_interview.skill import gazetteer
from askwell_interview.word import WORD, stems

MIN_WORDS, MAX_WORDS = 6, 45
# A lower-case "planning" in a question is a word; a tool or a licence is a name whatever its letters.
_NAMED_KINDS = ("tool", "licence")
_IMPERATIVE = re.compile(
    r"(?:please |and |now )?(?:tell|describe|explain|walk|give|share|talk|show|name|outline|think|imagine|"
    r"suppose|take|choose|pick|discuss|compare|list)\b",
    re.IGNORECASE,
)


def evidence_flaws(question: Question, job_text: str, resume_text: str) -> list[str]:
    """Quotes that are not the text they point to, and quotes that should be there."""
    flaws = [
        f"{name}[{evidence.start}:{evidence.end}] is not {evidence.quote!r}"
        for name, evidence, text in (
            ("job", question.job_evidence, job_text),
            ("resume", question.resume_evidence, resume_text),
        )
        if evidence is not None and not _exact(evidence, text)
    ]
    if question.job_evidence is None and question.resume_evidence is None:
        flaws.append("no evidence")
    claims = question.slot is Slot.PROBE and question.relation not in (Relation.GAP, Relation.JOB)
    if claims and question.resume_evidence is None:
        flaws.append(f"{question.relation} without a quote of the résumé")
    return flaws


def _exact(evidence: Evidence, text: str) -> bool:
    return bool(evidence.quote) and text[evidence.start : evidence.end] == evidence.quote


def form_flaw(text: str) -> str | None:
    """One open ask of 6 to 45 words, a question or an imperative, with no list, label or preamble."""
    words = WORD.findall(text)
    if not MIN_WORDS <= len(words) <= MAX_WORDS:
        return f"{len(words)} words"
    if "\n" in text.strip() or re.search(r"[\[\]{}<>*#|_]|\"|“|^\s*(?:[-•]|\d+[.)])|^\w+(?: \w+)?:", text):
        return "a list, a label or marks"
    if text.count("?") > 1:
        return "more than one question"
    if text.rstrip()[-1:] not in ("?", "."):
        return "no end"
    sentences = re.split(r"(?<=[.?!])\s+", text.strip())
    if "?" not in text and not any(_IMPERATIVE.match(sentence) for sentence in sentences):
        return "asks nothing"
    letters = [c for c in text if c.isalpha()]
    if sum(c.isascii() or c in "éèêüöäßñçáíóúåøł" for c in letters) < 0.95 * len(letters):
        return "another script"
    return None


@dataclass(frozen=True, slots=True)
class Known:
    """What two documents name: their skills, and the stems of their words."""

    skills: frozenset[str]
    stems: frozenset[str]

    def invented(self, text: str) -> list[str]:
        """Tools, licences, names and numbers of a question that stand in neither document.

        A skill's other name is no invention: "Google Analytics" where the documents say "GA4".
        """
        hits = gazetteer().hits(text)
        named = [hit for hit in hits if hit.entry.name.casefold() in self.skills]
        found = [
            text[hit.start : hit.end]
            for hit in hits
            if hit.entry.kind in _NAMED_KINDS
            and hit not in named
            and not set(stems(text[hit.start : hit.end])) <= self.stems
        ]
        found += [
            match.group().rstrip(".,%")
            for match in _names_and_numbers(text)
            if not any(hit.start <= match.start() < hit.end for hit in named)
            and not set(stems(match.group().rstrip(".,%"))) <= self.stems
        ]
        return list(dict.fromkeys(found))


@cache
def known_from_texts(*documents: str) -> Known:
    names = {hit.entry.name.casefold() for text in documents for hit in gazetteer().hits(text)}
    return Known(frozenset(names), frozenset(stem for text in documents for stem in stems(text)))


def _names_and_numbers(text: str) -> Iterator[re.Match[str]]:
    """Words with a capital that does not open a sentence, and whatever holds a digit."""
    for match in re.finditer(r"\w*\d[\w.,%]*|[^\W\d_]+(?:[.'’-][^\W\d_]+)*", text):
        word = match.group().rstrip(".,%")
        opens = re.search(r"(?:^|[.?!:]['\"”’)]?)\s*['\"“‘(]?$", text[: match.start()])
        capital = word[:1].isupper() and word not in ("I", "I'd", "I'm", "I've", "I'll")
        if any(c.isdigit() for c in word) or (capital and not opens):
            yield match
