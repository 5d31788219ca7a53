"""Skills, years and sentences read out of the documents."""

from datetime import date

import pytest
from askwell_interview import Document, Skill, document_from_text, extract_features

TODAY = date(2026, 1, 1)


def _skills(job: str, resume: str | None = None) -> dict[str, Skill]:
    other = document_from_text(resume) if resume else None
    features = extract_features(document_from_text(job), other, TODAY)
    return {skill.name: skill for skill in features.job_skills + features.other_skills}


def test_features_tell_what_the_job_asks_and_the_resume_shows(job: Document, resume: Document) -> None:
    features = extract_features(job, resume, TODAY)
    skills = {skill.name: skill for skill in features.job_skills}
    assert features.job_title == "Warehouse Data Engineer"
    assert (skills["Python"].years_required, skills["Python"].years_shown) == (5, 4)
    assert (skills["PostgreSQL"].years_required, skills["PostgreSQL"].years_shown) == (3, 2)
    assert skills["Terraform"].required is False and skills["Docker"].required is True
    assert "SAP" not in skills  # "No experience with SAP needed"
    assert skills["Terraform"].resume_evidence is None  # "No experience with Terraform"
    assert [duty.quote.split()[0] for duty in features.duties] == ["Build", "Lead", "Explain"]
    assert "Cut the run time of PostgreSQL reports by 40%." in [a.quote for a in features.achievements]
    assert features.years_shown == 4


@pytest.mark.parametrize(
    ("line", "years"),
    [
        ("5+ years of Python", 5),
        ("At least three years' experience with Python", 3),
        ("3-5 years of Python", 3),
        ("Minimum of 18 months of Python", 1.5),
        ("Python (4 years)", 4),
        ("2 years of Java and 6 years of Python", 6),
        ("Python. The firm is 20 years old.", None),
    ],
)
def test_years_bind_to_their_skill(line: str, years: float | None) -> None:
    assert _skills(f"Requirements\n- {line}")["Python"].years_required == years


@pytest.mark.parametrize(
    ("dates", "years"),
    [
        (("2015 - 2017", "2016 - 2018"), 3.0),
        (("Jan 2020 - Dec 2020", "Jan 2023 - present"), 4.1),
        (("03/2018 – 02/2020",), 2.0),
    ],
)
def test_periods_are_summed_without_overlap(dates: tuple[str, ...], years: float) -> None:
    jobs = "\n".join(f"Clerk, Firm, {d}\n- Used Python daily." for d in dates)
    resume = f"Experience\n{jobs}\n\nEducation\nCollege, 2000 - 2010"
    assert _skills("Requirements\n- Python", resume)["Python"].years_shown == years


@pytest.mark.parametrize(
    ("sentence", "named"),
    [
        ("I have no experience with Python.", False),
        ("Python is not necessary in my work.", False),
        ("Never used Docker or Python in production.", False),
        ("No Java experience, but strong Python.", True),
        ("Not only Java but Python too.", True),
    ],
)
def test_denied_skill_is_not_shown(sentence: str, named: bool) -> None:
    skill = _skills("Requirements\n- Python", f"Summary\n{sentence}")["Python"]
    assert (skill.resume_evidence is not None) is named


def test_skill_that_no_list_knows_is_read_from_the_documents_own_lists() -> None:
    skills = _skills(
        "Requirements\n- Experience with Zorbflow and Python", "Experience\n- Ran Zorbflow for 3 years"
    )
    assert skills["Zorbflow"].resume_evidence is not None
