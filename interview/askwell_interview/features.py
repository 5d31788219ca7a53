"""What the two documents say, put side by side."""

from dataclasses import dataclass
from datetime import date

from .claim import Level
from .document import Document
from .encoder import Encoder
from .figure import Figure, figures
from .life import hide_life
from .link import link_skills
from .question import Evidence
from .reading import Named, achievements, duties, job_skills, resume_skills
from .taxonomy import taxonomy_uri
from .tenure import years_in_general
from .text import Text, cut
from .title import title_from_text


@dataclass(frozen=True, slots=True)
class Skill:
    """One skill and what the documents say about it; a field is None where one says nothing.

    ``taxonomy_uri``: its name in ESCO, "" where there is no sure one. ``weak``: the résumé claims no more
    than a beginning. ``linked``: the résumé has it in other words than the job.
    """

    name: str
    required: bool = False
    years_required: float | None = None
    years_shown: float | None = None
    job_evidence: Evidence | None = None
    resume_evidence: Evidence | None = None
    taxonomy_uri: str = ""
    weak: bool = False
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Features:
    """``job_skills``: most important first. ``other_skills``: the résumé names them, the job does not.
    ``figures``: numbers in the achievements."""

    job_title: str
    job_skills: tuple[Skill, ...]
    other_skills: tuple[Skill, ...]
    years_required: float | None
    years_shown: float | None
    duties: tuple[Evidence, ...]
    achievements: tuple[Evidence, ...]
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class Reading:
    """Both documents read: the features, and what the plan needs beyond them."""

    features: Features
    job: Text
    resume: Text | None
    asked: dict[str, Named]
    shown: dict[str, Named]


def extract_features(
    job: Document, resume: Document | None, today: date | None = None, encoder: Encoder | None = None
) -> Features:
    """Reads both documents; ``today`` (default: the clock's) is what "present" means in a date range. With an
    ``encoder`` skills are found in the résumé in other words than the job's, too."""
    return read(job, resume, today or date.today(), encoder).features


def read(job: Document, resume: Document | None, today: date, encoder: Encoder | None = None) -> Reading:
    job_text = cut(job.text)
    asked = job_skills(job_text)
    resume_text = hide_life(cut(resume.text), job_text) if resume is not None else None
    listed = [named.entry for named in asked.values() if not named.entry.field]
    shown = resume_skills(resume_text, listed, today) if resume_text is not None else {}
    if resume_text is not None and encoder is not None:
        shown |= link_skills(asked, shown, resume_text, today, encoder)
    told = achievements(resume_text) if resume_text is not None else ()
    features = Features(
        job_title=title_from_text(job.text, job_text.personal),
        job_skills=tuple(_skill(named, shown.get(name)) for name, named in asked.items()),
        other_skills=tuple(_other(named) for name, named in shown.items() if name not in asked),
        years_required=years_in_general(job_text, None),
        years_shown=years_in_general(resume_text, today) if resume_text is not None else None,
        duties=duties(job_text),
        achievements=told,
        figures=figures(told),
    )
    return Reading(features, job_text, resume_text, asked, shown)


def _skill(named: Named, shown: Named | None) -> Skill:
    return Skill(
        name=named.entry.name,
        required=named.required,
        years_required=named.years,
        years_shown=shown.years if shown else None,
        job_evidence=named.evidence,
        resume_evidence=shown.evidence if shown else None,
        taxonomy_uri=taxonomy_uri(named.entry.name),
        weak=shown is not None and shown.level is Level.WEAK,
        linked=shown is not None and shown.linked,
    )


def _other(shown: Named) -> Skill:
    name = shown.entry.name
    return Skill(
        name,
        years_shown=shown.years,
        resume_evidence=shown.evidence,
        taxonomy_uri=taxonomy_uri(name),
        weak=shown.level is Level.WEAK,
    )
