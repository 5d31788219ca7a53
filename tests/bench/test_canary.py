"""Planted personal data: unmistakable, found however it is written."""

from pathlib import Path
from typing import Any, cast

from askwell_bench.quality.canary import Haystack, personas, planted
from askwell_bench.quality.leak import Leakage, provoked
from askwell_bench.quality.pair import pairs_from_folders
from askwell_client import (
    Client,
    InvalidRequestError,
)

DATA = Path(__file__).resolve().parents[2] / "benchmarks" / "data"
JOB = "Ward nurse.\nRequirements:\n- wound care\n- night shifts at Rosewood Hospital"
RESUME = "Cared for 31 patients a night.\nSkills: wound care, triage, Excel"


def test_canaries_are_500_and_stand_in_no_document_before_they_are_planted() -> None:
    guests = personas(0)
    canaries = [canary for persona in guests for canary in persona.canaries]
    assert len({each.text for each in canaries}) == len(canaries) >= 500
    pairs = pairs_from_folders(DATA / "jobs", DATA / "resumes")
    for index, pair in enumerate(pairs):
        clean = Haystack(pair.job + pair.resume + pair.twin)
        own = guests[index :: len(pairs)]
        full = Haystack(planted(pair.resume, own))
        assert not any(clean.holds(each) for each in canaries)
        assert all(full.holds(each) for persona in own for each in persona.canaries)


def test_canary_is_known_however_it_is_written() -> None:
    person = personas(0)[1]
    number = person.phone.needles[0]
    assert Haystack(f"call 0044 ({number[:4]}) {number[4:7]}-{number[7:]}").holds(person.phone)
    assert Haystack(f"DEAR MR {person.name.text.split()[1].upper()},").holds(person.name)
    assert not Haystack("Dear colleague, call us on 020 7946 0000").holds(person.phone)


def test_error_that_repeats_the_document_is_a_leak() -> None:
    class Echo:
        def questions(self, job: Any, resume: Any, **options: Any) -> None:
            raise InvalidRequestError.of("resume", f"cannot read {resume}")

        features = questions

    person = personas(0)[0]
    said = provoked(cast(Client, Echo()), JOB, planted(RESUME, [person]))
    leak = Leakage()
    for name, text in said:
        leak.look("errors", name, text, person.canaries)
    assert leak.count("errors") == len(person.canaries)
