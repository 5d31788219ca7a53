"""Links by meaning: skills that a job names and a résumé has in words of its own.

"Ran the purchase ledger for 300 suppliers" shows accounts payable. Only methods and fields of knowledge are
linked: a tool that is not named is not there, and soft skills are near everything.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date

from .claim import Level
from .deed import acts
from .encoder import Encoder
from .evidence import quote_segment
from .question import Evidence
from .reading import Named, commands
from .segment import Section
from .skill import Entry
from .tenure import work_blocks
from .text import Text
from .years import years_of

# Cosine in all-MiniLM-L6-v2 of a skill with its other names and a line of a résumé. Of 114 pairs labelled by
# hand, half of them near misses, those at or above it are links without exception, and 18 % of all links; at
# 0.4 it would be 45 %, and one in ten would be wrong. In 120 pairs of whole documents 21 of its 25 links were
# right: the question that comes of one asks what there is to it.
LIKE = 0.5
# Each text takes 2 to 4 ms to encode; these bounds keep reading under 100 ms.
MAX_SKILLS, MAX_LINES = 10, 16
_DENIAL = re.compile(r"\b(?:no|not|never|without|lack\w*|nor|hop\w+|want|learn\w*)\b|n['’]t\b", re.IGNORECASE)


def link_skills(
    asked: Mapping[str, Named],
    shown: Mapping[str, Named],
    resume: Text,
    today: date,
    encoder: Encoder,
) -> dict[str, Named]:
    """The skills of ``asked`` that ``shown`` lacks and that a line of the résumé comes close to, each with
    the line that does so best."""
    text = resume.text.casefold()
    # A name that stands there and is not shown is denied or somebody's.
    missing = [
        (name, named)
        for name, named in asked.items()
        if name not in shown and named.entry.kind in ("method", "knowledge") and name not in text
    ][:MAX_SKILLS]
    lines = _lines(resume)
    if not missing or not lines:
        return {}
    skills = encoder.encode([_wording(named.entry) for _, named in missing])
    cosines = skills @ encoder.encode([line.quote for line in lines]).T
    blocks = work_blocks(resume, today)
    linked = {}
    for row, (name, named) in zip(cosines, missing, strict=True):
        if (best := int(row.argmax())) >= 0 and row[best] >= LIKE:
            line = lines[best]
            periods = [p for p, start, end in blocks if start <= line.start < end]
            linked[name] = Named(
                entry=named.entry,
                evidence=line,
                rank=0,
                count=1,
                told=True,
                level=Level.NAMED,
                years=years_of(periods),
                periods=periods,
                linked=True,
            )
    return linked


def _wording(entry: Entry) -> str:
    return ", ".join((entry.name, *entry.aliases))


def _lines(resume: Text) -> Sequence[Evidence]:
    """What the candidate tells to have done, in the résumé's order. What is only listed in other words links
    nothing: a question that says "your résumé lists" must be right to the letter."""
    found = (
        quote_segment(resume.text, segment, resume.personal)
        for segment in resume.segments
        if segment.section in (Section.EXPERIENCE, Section.SUMMARY, Section.HEADER)
        and acts(resume.text[segment.start : segment.end])
    )
    told = (quote for quote in found if quote is not None)
    return [q for q in told if not _DENIAL.search(q.quote) and not commands(q.quote)][:MAX_LINES]
