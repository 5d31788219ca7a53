"""How firmly a sentence claims a skill, and what the plan makes of it."""

from datetime import date

import pytest
from askwell_interview import Relation, document_from_text
from askwell_interview.claim import Level
from askwell_interview.features import read
from askwell_interview.reading import resume_skills
from askwell_interview.text import cut
from askwell_interview.topic import topics

TODAY = date(2026, 1, 1)


def _level(sentence: str, skill: str) -> Level | None:
    named = resume_skills(cut(f"Experience\nClerk, Firm, 2019 - 2021\n- {sentence}"), (), TODAY).get(skill)
    return named.level if named else None


@pytest.mark.parametrize(
    ("sentence", "skill"),
    [
        ("I have not yet used Kafka in production.", "apache kafka"),
        ("Built REST services without PCI DSS in scope.", "pci dss"),
        ("SAP is not required.", "sap"),
        ("Have yet to work with Terraform.", "terraform"),
        ("Unfamiliar with Kafka.", "apache kafka"),
        ("Hoping to learn Python soon.", "python"),
        ("Keen to be trained in wound care.", "wound care"),
        ("Neither Docker nor Kubernetes so far.", "kubernetes"),
        ("Used Docker, but not Kubernetes.", "kubernetes"),
        ("Python, although I have never used Django.", "django"),
        ("Experience with Django: none", "django"),
        ("Not yet certified in PRINCE2.", "prince2"),
        ("Java and Python are not among my skills.", "python"),
        ("Python, Java (0 years)", "java"),
        ("0 years of Python.", "python"),
        ("Python: none yet, Java daily", "python"),
        ("Google Cloud (AWS not yet)", "aws"),
    ],
)
def test_denied_or_wished_for_skill_is_not_shown(sentence: str, skill: str) -> None:
    assert _level(sentence, skill) is None


@pytest.mark.parametrize(
    "label",
    [
        "Not yet:",
        "**Not yet:**",
        "Not yet |",
        "Gaps:",
        "Skills gaps:",
        "To learn:",
        "Still learning:",
        "No experience:",
        "Still missing –",
        "Lacking:",
        "Wanting to learn:",
    ],
)
def test_label_denies_all_that_follows_it(label: str) -> None:
    resume = cut(f"Notes\n{label} SAP, Excel, a good deal of what comes after it, or Python. Java daily.")
    assert [named.entry.name for named in resume_skills(resume, (), TODAY).values()] == ["Java"]


def test_label_ends_where_the_sentence_turns() -> None:
    assert _level("Gaps: SAP, but strong Excel", "excel") is Level.STRONG
    assert _level("Closing gaps: a new SAP system", "sap") is Level.NAMED
    assert _level("SAP (0 years), Excel", "excel") is Level.NAMED


@pytest.mark.parametrize(
    ("sentence", "skill"),
    [
        ("Little exposure to Kubernetes.", "kubernetes"),
        ("Currently learning Rust.", "rust"),
        ("Basic knowledge of SQL.", "sql"),
        ("Familiar with Docker.", "docker"),
        ("Python (basic), Java (advanced)", "python"),
        ("Attended a course on Kubernetes.", "kubernetes"),
        ("Terraform (not used in production)", "terraform"),
        ("My Python is rusty.", "python"),
        ("Shadowed a colleague on wound care.", "wound care"),
        ("PRINCE2 certification in progress.", "prince2"),
    ],
)
def test_beginning_is_weak(sentence: str, skill: str) -> None:
    assert _level(sentence, skill) is Level.WEAK


@pytest.mark.parametrize(
    ("sentence", "skill"),
    [
        ("Used Docker, but not Kubernetes.", "docker"),
        ("Not only Docker but also Kubernetes.", "docker"),
        ("Ran Python services with no outages.", "python"),
        ("No incidents in four years of medication administration.", "medication administration"),
        ("No formal training in Photoshop, yet I use it daily.", "adobe photoshop"),
        ("Basic life support and wound care.", "wound care"),
        ("Machine learning in Python.", "python"),
    ],
)
def test_skill_beside_a_denial_is_named(sentence: str, skill: str) -> None:
    assert _level(sentence, skill) is Level.NAMED


def test_strength_is_told_from_a_beginning_in_one_sentence() -> None:
    assert _level("Python (basic), Java (advanced)", "java") is Level.STRONG
    assert _level("Basic Python and strong SQL.", "sql") is Level.STRONG


@pytest.mark.parametrize(
    ("asked", "relation"),
    [
        ("Strong SQL", Relation.PARTIAL),
        ("3 years of SQL", Relation.PARTIAL),
        ("SQL", Relation.UNVERIFIED_CLAIM),
    ],
)
def test_beginning_is_part_of_what_a_strong_level_asks(asked: str, relation: Relation) -> None:
    job = document_from_text(f"Analyst\n\nRequirements\n- {asked}")
    reading = read(job, document_from_text("Summary\nBasic knowledge of SQL."), TODAY)
    assert [topic.relation for topic in topics(reading) if topic.entry.name == "SQL"] == [relation]
