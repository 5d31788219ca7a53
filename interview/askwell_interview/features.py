"""What the two documents say, put side by side."""

from dataclasses import dataclass
from datetime import date

from .document import Document
from .question import Evidence
from .reading import (
    Named,
    Text,
    achievements,
    cut,
    duties,
    job_skills,
    resume_skills,
    years_in_general,
)
from .title import title_from_text


@dataclass(frozen=True, slots=True)
class Skill:
    """One skill and what the documents say about it; a field is None where one says nothing."""

    name: str
    required: bool = False
    years_required: float | None = None
    years_shown: float | None = None
    job_evidence: Evidence | None = None
    resume_evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Features:
    """``job_skills``: most important first. ``other_skills``: the résumé names them, the job does not."""

    job_title: str
    job_skills: tuple[Skill, ...]
    other_skills: tuple[Skill, ...]
    years_required: float | None
    years_shown: float | None
    duties: tuple[Evidence, ...]
    achievements: tuple[Evidence, ...]


@dataclass(frozen=True)
class Reading:
    """Both documents read: the features, and what the plan needs beyond them."""

    features: Features
    job: Text
    resume: Text | None
    asked: dict[str, Named]
    shown: dict[str, Named]


def extract_features(job: Document, resume: Document | None, today: date | None = None) -> Features:
    """Reads both documents; ``today`` (default: the clock's) is what "present" means in a date range."""
    return read(job, resume, today or date.today()).features


def read(job: Document, resume: Document | None, today: date) -> Reading:
    job_text = cut(job.text)
    asked = job_skills(job_text)
    resume_text = cut(resume.text) if resume is not None else None
    listed = [named.entry for named in asked.values() if not named.entry.field]
    shown = resume_skills(resume_text, listed, today) if resume_text is not None else {}
    features = Features(
        job_title=title_from_text(job.text, job_text.personal),
        job_skills=tuple(_skill(named, shown.get(name)) for name, named in asked.items()),
        other_skills=tuple(
            Skill(n.entry.name, years_shown=n.years, resume_evidence=n.evidence)
            for name, n in shown.items()
            if name not in asked
        ),
        years_required=years_in_general(job_text, None),
        years_shown=years_in_general(resume_text, today) if resume_text is not None else None,
        duties=duties(job_text),
        achievements=achievements(resume_text) if resume_text is not None else (),
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
    )
