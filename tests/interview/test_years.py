"""Years: of a skill and in general, as sentences and dates tell them."""

from datetime import date

import pytest
from askwell_interview import Features, document_from_text, extract_features

TODAY = date(2026, 1, 1)


def _features(job: str, resume: str | None = None) -> Features:
    other = document_from_text(resume) if resume else None
    return extract_features(document_from_text(job), other, TODAY)


@pytest.mark.parametrize(
    ("line", "years"),
    [
        ("Python, 4+ years", 4),
        ("Python (min. 2 years)", 2),
        ("Python for at least 2 years", 2),
        ("Between 3 and 5 years of Python", 3),
        ("At least a year of Python", 1),
        ("Half a year of Python", 0.5),
        ("1½ years of Python", 1.5),
        ("Python experience of 3 years", 3),
        ("Python and SQL (3 years each)", 3),
        ("3y Python", 3),
        ("5 years of Java; Python", None),
        ("Children up to 5 years of age; Python", None),
    ],
)
def test_job_asks_for_years_of_a_skill(line: str, years: float | None) -> None:
    (python,) = [s for s in _features(f"Requirements\n- {line}").job_skills if s.name == "Python"]
    assert python.years_required == years


@pytest.mark.parametrize(
    ("line", "years"),
    [
        ("SAP 5 years, Excel", {"SAP": 5, "Excel": None}),
        ("SAP 3-5 years, Excel: expert", {"SAP": 3, "Excel": None}),
        ("5 years SAP, Excel and Python 2 years", {"SAP": 5, "Excel": 5, "Python": 2}),
        ("SAP (five years; some reports), Excel", {"SAP": 5, "Excel": None}),
        ("Python, 5 years of Java", {"Python": None, "Java": 5}),
        ("Python, 5 years in production, Java", {"Python": 5, "Java": None}),
        ("5 years' experience in SAP, Excel", {"SAP": 5, "Excel": 5}),
        ("| SAP | 5 years | Excel | 2 years |", {"SAP": 5, "Excel": 2}),
    ],
)
def test_years_belong_to_the_skill_they_stand_at(line: str, years: dict[str, float | None]) -> None:
    shown = _features("Requirements\n- Teamwork", f"Skills\n{line}").other_skills
    assert {skill.name: skill.years_shown for skill in shown} == years


@pytest.mark.parametrize(
    ("line", "years"),
    [
        ("Python since 2019", 7.1),
        ("Using Python since March 2020", 5.9),
        ("Worked with Python from 2015 to 2019", 4),
        ("Python, 2018-2021", 3),
    ],
)
def test_dates_behind_a_skill_are_its_own(line: str, years: float) -> None:
    assert _features("Requirements\n- Python", f"Summary\n{line}").job_skills[0].years_shown == years


@pytest.mark.parametrize(
    ("dates", "years"),
    [
        ("2018-03 - 2020-02", 2),
        ("2018/03 – 2020/02", 2),
        ("01.03.2018 - 28.02.2020", 2),
        ("Mar '18 – Feb '20", 2),
        ("Jan 2020 → Dec 2020", 1),
        ("Summer 2019 - Winter 2020", 1.6),
        ("2015-17", 2),
        ("since May 2021", 4.8),
        ("2020", None),
    ],
)
def test_dates_of_work_are_read_as_people_write_them(dates: str, years: float | None) -> None:
    resume = f"Experience\nClerk, Firm, {dates}\n- Used Python daily.\n\nEducation\nSchool 2000 - 2010"
    assert _features("Requirements\n- Python", resume).job_skills[0].years_shown == years


@pytest.mark.parametrize(
    ("line", "years"),
    [
        ("We need 5 years of experience.", 5),
        ("Experience: 3+ years", 3),
        ("Minimum 3 years in a similar role", 3),
        ("experience of at least 2 years in retail", 2),
        ("Two years of experience with Python; 5 years of experience overall", 5),
        ("The firm has 40 years of experience", None),
        ("3 years in Python", None),
    ],
)
def test_years_in_general_are_those_of_no_skill(line: str, years: float | None) -> None:
    assert _features(f"Requirements\n- {line}\n- Python").years_required == years


def test_resume_tells_its_years_before_its_dates_do() -> None:
    resume = "Summary\n15 years in logistics.\n\nExperience\nClerk, Firm, 2020 - 2022\n- Drove."
    assert _features("Requirements\n- Python", resume).years_shown == 15
