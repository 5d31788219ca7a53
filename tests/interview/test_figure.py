"""Numbers in achievements, and the skills' names in ESCO."""

from importlib.resources import files

from askwell_interview import document_from_text, extract_features
from askwell_interview.skill import Entry, gazetteer
from askwell_interview.taxonomy import taxonomy_uri

JOB = document_from_text("Requirements\n- Python")
TOLD = """Experience
Clerk, Firm, 2019 - 2021
- Cut costs by £2.5 million and 40% with a team of 12 nurses
- Served 1,200 customers a day, up from 900, and passed ISO 9001 in 2020
- Trained four colleagues in Python 3 for 24/7 support
- Led a €1.2m budget; 5 per cent growth
"""


def test_figures_point_at_the_numbers_of_achievements_and_tell_what_they_count() -> None:
    resume = document_from_text(TOLD)
    figures = extract_features(JOB, resume).figures
    assert [(figure.text, figure.unit) for figure in figures] == [
        ("£2.5 million", "£"),
        ("40%", "%"),
        ("12", "nurses"),
        ("1,200", "customers"),
        ("900", ""),
        ("four", "colleagues"),
        ("€1.2m", "€"),
        ("5 per cent", "%"),
    ]
    assert all(resume.text[figure.start : figure.end] == figure.text for figure in figures)


def test_skills_of_both_documents_carry_their_name_in_esco() -> None:
    features = extract_features(JOB, document_from_text("Skills\nwound care, Zorbflow"))
    uris = {skill.name: skill.taxonomy_uri for skill in features.job_skills + features.other_skills}
    assert uris["Python"] == "http://data.europa.eu/esco/skill/ccd0a1d9-afda-43d9-b901-96344886e14d"
    assert uris["wound care"].startswith("http://data.europa.eu/esco/skill/") and uris["Zorbflow"] == ""


def test_taxonomy_names_known_skills_once_and_says_whose_it_is() -> None:
    text = (files("askwell_interview") / "data" / "taxonomy.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    known = {entry.name for entry in [*gazetteer().spellings.values(), *_exact()]}
    assert [name for name, _, _ in rows if name not in known] == []
    assert len({uri for _, _, uri in rows}) == len({name for name, _, _ in rows}) == len(rows)
    assert all(label and taxonomy_uri(name.upper()) == uri for name, label, uri in rows)
    assert "uses the ESCO classification of the European Commission" in text.partition("\nPython\t")[0]


def _exact() -> list[Entry]:
    return [entry for spellings in gazetteer().exact.values() for entry in spellings.values()]
