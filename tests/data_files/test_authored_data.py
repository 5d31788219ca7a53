"""The written data: skills, the question bank, first names, and the example pairs."""

import itertools
import tomllib
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

DATA = files("askwell_interview") / "data"
EXAMPLES = Path(__file__).parents[2] / "examples"
KINDS = ("tool", "method", "knowledge", "soft", "licence")
RELATIONS = ("JOB", "MATCH", "GAP", "PARTIAL", "UNVERIFIED_CLAIM")


def skill_rows() -> list[tuple[str, list[str], str, str]]:
    rows = []
    for line in (DATA / "skills.tsv").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        name, aliases, field, kind = line.split("\t")
        rows.append((name, [alias for alias in aliases.split("|") if alias], field, kind))
    return rows


def templates() -> list[dict[str, Any]]:
    bank: list[dict[str, Any]] = tomllib.loads((DATA / "bank.toml").read_text(encoding="utf-8"))["question"]
    return bank


def first_names() -> list[str]:
    return (DATA / "first_names.txt").read_text(encoding="utf-8").splitlines()


def test_no_spelling_belongs_to_two_skills() -> None:
    spellings = Counter(
        spelling.removeprefix("=").casefold()
        for name, aliases, _, _ in skill_rows()
        for spelling in (name, *aliases)
    )
    assert [spelling for spelling, count in spellings.items() if count > 1] == []


def test_every_skill_has_a_known_kind_and_a_field() -> None:
    rows = skill_rows()
    assert {kind for *_, kind in rows} == set(KINDS)
    assert all(name == name.strip() and field for name, _, field, _ in rows)
    assert len(rows) >= 700
    assert len({field for _, _, field, _ in rows}) >= 15


def test_every_template_has_its_competency_once_and_asks_one_question() -> None:
    for template in templates():
        text = template["text"]
        allowed = (0, 1) if template["type"] == "MOTIVATION" else (1,)
        assert text.count("{competency}") in allowed, text
        assert not set("{}") & set(text.replace("{competency}", "")), text
        assert text.endswith("?") and text.count("?") == 1, text
        assert 10 <= len(text.split()) <= 35, text
    assert len({template["text"] for template in templates()}) == len(templates()) >= 90


def test_core_and_gap_templates_say_nothing_of_the_resume() -> None:
    for template in templates():
        if {"JOB", "GAP"} & set(template["relation"]):
            assert "résumé" not in template["text"], template["text"]


@pytest.mark.parametrize(
    ("types", "relations", "least"),
    [
        (("BEHAVIOURAL", "SITUATIONAL", "TECHNICAL"), RELATIONS, 2),
        (("MOTIVATION",), ("JOB", "GAP", "MATCH"), 3),
    ],
)
def test_every_plan_item_has_templates_to_choose_from(
    types: tuple[str, ...], relations: tuple[str, ...], least: int
) -> None:
    covered = Counter(
        combination
        for t in templates()
        for combination in itertools.product([t["type"]], t["relation"], t["kind"])
    )
    thin = [c for c in itertools.product(types, relations, KINDS) if covered[c] < least]
    assert thin == []


def test_first_names_are_lower_case_sorted_and_neither_skills_nor_words_of_the_bank() -> None:
    names = first_names()
    assert names == sorted(set(names)) and all(name == name.lower().strip() for name in names)
    assert len(names) >= 1_500
    skills = {
        s.removeprefix("=").casefold() for name, aliases, _, _ in skill_rows() for s in (name, *aliases)
    }
    words = {word.strip(".,?'") for template in templates() for word in template["text"].split()}
    assert set(names) & (skills | words) == set()


def test_every_example_job_has_a_resume_of_its_name() -> None:
    jobs = {path.stem for path in (EXAMPLES / "jobs").glob("*.md")}
    resumes = {path.stem: path for path in (EXAMPLES / "resumes").iterdir()}
    assert len(jobs) == 6 and jobs == set(resumes)
    assert {".pdf", ".docx"} <= {path.suffix for path in resumes.values()}
    assert all(path.stat().st_size < 60_000 for path in resumes.values())
