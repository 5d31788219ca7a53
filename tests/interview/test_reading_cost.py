"""Reading takes time in step with the length of a document, whatever stands in it."""

import time
from collections.abc import Callable, Sequence
from datetime import date

import pytest
from askwell_interview import document_from_text
from askwell_interview import reading as reading_module
from askwell_interview.claim import negated
from askwell_interview.features import read
from askwell_interview.name import names_in_text
from askwell_interview.skill import Hit, gazetteer
from askwell_interview.tenure import work_blocks
from askwell_interview.text import cut

TODAY = date(2026, 1, 1)
JOB = document_from_text("Clerk\n\nRequirements\n- 3 years of Excel\n- Experience with Frobnix")


def _word(number: int) -> str:
    """A word of its own for each number, which no list knows."""
    letters = "q"
    while number:
        letters += "bcdfghjklm"[number % 10] + "aeio"[number % 4]
        number //= 10
    return letters + "q"


def _publications(count: int) -> str:
    lines = ["Jane Doe", "jane.doe@uni.example", "", "Publications"]
    for at in range(count):
        first, last = _word(at).capitalize(), _word(at + count).capitalize()
        lines.append(f"{at + 1}. Michael {first}, Maria {last} and Jane Doe. On things. {2000 + at % 20}.")
    return "\n".join(lines)


GROWING: dict[str, Callable[[int], str]] = {
    "authors": lambda n: _publications(6 * n),
    "known first names": lambda n: "\n".join(f"James {_word(at).capitalize()}" for at in range(20 * n)),
    "who led": lambda n: "\n".join(f"{_word(at).capitalize()} led it." for at in range(20 * n)),
    "addresses": lambda n: "\n".join(
        f"{_word(at)}@x.example {_word(at).capitalize()}" for at in range(10 * n)
    ),
    "one word": lambda n: "A" * 200 * n,
    "one word with hyphens": lambda n: "A-" * 100 * n,
    "one skill": lambda n: "Excel, " * 40 * n,
    "skills and years": lambda n: "- Excel since 2019\n" * 15 * n,
    "numbers": lambda n: "1 " * 150 * n,
    "periods": lambda n: "2010 - 2012 Acme\n" * 20 * n,
}


@pytest.mark.parametrize("grow", GROWING.values(), ids=GROWING.keys())
def test_twice_the_document_takes_about_twice_the_time(grow: Callable[[int], str]) -> None:
    read(JOB, JOB, TODAY)  # what is loaded once is not counted
    once, twice = (min(_seconds(grow(n)) for _ in range(3)) for n in (40, 80))
    assert twice < 3 * once


def _seconds(text: str) -> float:
    resume = document_from_text(text)
    before = time.process_time()
    read(JOB, resume, TODAY)
    return time.process_time() - before


def test_a_skill_named_without_end_is_weighed_some_hundred_times(monkeypatch: pytest.MonkeyPatch) -> None:
    weighed = []

    def count(text: str, start: int, hit: Hit, end: int) -> bool:
        weighed.append(hit)
        return negated(text, start, hit, end)

    monkeypatch.setattr(reading_module, "negated", count)
    read(JOB, document_from_text("Excel, " * 5000), TODAY)
    assert reading_module.MAX_MENTIONS < len(weighed) < reading_module.MAX_MENTIONS + 200


def test_every_author_of_a_long_list_is_hidden() -> None:
    text = _publications(300)
    hidden = {text[span.start : span.end] for span in names_in_text(text, ["jane.doe@uni.example"], True)}
    assert {_word(at).capitalize() for at in range(1, 600)} <= hidden


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("- written with _Mary Osterbeck_ in May", "Mary Osterbeck"),
        ("-Mary Osterbeck, referee", "Mary Osterbeck"),
        ("told by 'Mary Osterbeck'", "Mary Osterbeck"),
        ("our work with iBeacon and co-Mary Osterbeck", "Mary Osterbeck"),
        ("supervised by PhD. Jürgen Müller", "Müller"),
        ("Name: Ruby Osterbeck\nRUBY OSTERBECK", "RUBY OSTERBECK"),
        ("Name: Mary O'Hare\nlater O'Hare's", "O'Hare"),
    ],
)
def test_a_name_begins_behind_any_mark(text: str, name: str) -> None:
    assert name in " ".join(text[span.start : span.end] for span in names_in_text(text, [], False))


def test_a_name_is_not_hidden_within_a_word() -> None:
    text = "Name: Mary Kent\nKentucky, Kent2 and Kent"
    spans = names_in_text(text, [], False)
    assert {span.start for span in spans if span.start > 15} == {text.rindex("Kent")}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("health and safety", ["health and safety"]),
        ("Excel and SQL", ["Excel", "SQL"]),
        ("and Excel and", ["Excel"]),
    ],
)
def test_and_joins_a_skill_or_parts_two(text: str, names: Sequence[str]) -> None:
    assert [text[hit.start : hit.end] for hit in gazetteer().hits(text)] == names


def test_a_period_in_a_heading_belongs_to_no_work() -> None:
    assert work_blocks(cut("Education 2010 - 2012"), TODAY) == []


def test_work_ends_where_another_section_begins() -> None:
    text = "Experience\n2010 - 2012 Acme\n- Built things.\n\nSkills\nExcel\n\nExperience\n2013 - 2015 Brix"
    told = [text[start:end] for _, start, end in work_blocks(cut(text), TODAY)]
    assert "Built" in told[0] and "Excel" not in told[0] and told[1].endswith("Brix")
