"""The job's title, as the job description gives it."""

import re

from .segment import heading
from .span import Span, touches

_LABEL = re.compile(
    r"^[ #*_]*(?:job title|position(?: title)?|role(?: title)?|vacancy|job|title|"
    r"post)[ *_]*:[ *_]*(?P<title>[^\n]{3,90})",
    re.IGNORECASE | re.MULTILINE,
)
_SOUGHT = re.compile(
    r"\b(?:looking for|seeking|seeks?|hiring|hires?|recruiting|needs?|join (?:us|our team) as|"
    r"searching for|vacancy for)\s+"
    r"(?:an?|our(?: next)?|another)\s+(?P<title>[^\n.,;:(]{3,80}?)"
    r"(?=\s+(?:to|who|for|with|in|at|on|that|joining|able|based|and|from)\b|[\n.,;:(]|$)",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:job (?:description|advert|title|posting|ad)|vacancy|position|role|we(?:'|’)?re hiring|"
    r"we are hiring|hiring|"
    r"wanted|now hiring)\b[ :–—-]*(?:an? )?",
    re.IGNORECASE,
)
_TAIL = re.compile(r"\s*(?:[|(\[–—,:]|\s-\s|\s/\s| at [A-Z]| in [A-Z]).*$")


def title_from_text(text: str, personal: list[Span]) -> str:
    """At most 8 words; "" when none is told or personal data stands in it."""
    label = _LABEL.search(text)
    if label and (title := _title(label.group("title"), label.start("title"), personal)):
        return title
    at = 0
    for line in text.split("\n")[:8]:
        bare = line.strip(" #*_")
        fits = bare and heading(line) is None and len(bare.split()) <= 10 and not bare.endswith(".")
        if fits and (title := _title(bare, at + line.index(bare), personal)):
            return title
        at += len(line) + 1
    if match := _SOUGHT.search(text):
        return _title(match.group("title"), match.start("title"), personal)
    return ""


def _title(raw: str, start: int, personal: list[Span]) -> str:
    lead = _LEAD.match(raw)
    at = lead.end() if lead else 0
    title = _TAIL.sub("", raw[at:]).strip(" *_.:-")
    begin = start + raw.find(title)
    words = title.split()
    if (
        not 1 <= len(words) <= 8
        or not re.search(r"[A-Za-z]{3}", title)
        or touches(personal, begin, begin + len(title))
    ):
        return ""
    return title
