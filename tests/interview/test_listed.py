"""Skills that only a document's own lists know."""

import pytest
from askwell_interview.skill import listed_skills


def _listed(piece: str, *, bare: bool = True) -> list[str]:
    return [hit.entry.name for hit in listed_skills(piece, 0, len(piece), bare=bare)]


@pytest.mark.parametrize(
    ("piece", "names"),
    [
        ("Loan documentation, collateral valuation", ["loan documentation", "collateral valuation"]),
        ("GDAL, rasterio, PostGIS", ["GDAL", "PostGIS"]),
        ("payment plans, Postman, de-escalation calls", ["payment plans", "Postman", "de-escalation calls"]),
        ("Buttercream, Pricing, Complaints", []),
        ("triggers, routing, food, above", []),
        ("expert, Basic, Fluent, beginner, none, excellent", []),
        ("ideally precast, large first, several clients, growing slowly", []),
        ("SELECTED FEEDBACK", []),
        ("first reply time, family support", ["first reply time", "family support"]),
    ],
)
def test_list_gives_what_can_be_a_competency(piece: str, names: list[str]) -> None:
    assert _listed(piece) == names


def test_requirement_gives_what_follows_its_lead() -> None:
    assert _listed("Experience with large first- or second-year groups", bare=False) == []
    assert _listed("Experience with wooden frame- or roof-building", bare=False) == []
    assert _listed("Knowledge of Westlore and double tax treaties", bare=False) == [
        "Westlore",
        "double tax treaties",
    ]
    assert _listed("Experience in utilities or telecoms billing", bare=False) == ["telecoms billing"]
