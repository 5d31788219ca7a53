"""Tools with an everyday name, and what is none of them."""

import pytest
from askwell_interview.skill import gazetteer


def _names(sentence: str) -> set[str]:
    return {hit.entry.name for hit in gazetteer().hits(sentence)}


@pytest.mark.parametrize(
    ("sentence", "tool"),
    [
        ("Go the extra mile", "Go"),
        ("Go above and beyond for guests.", "Go"),
        ("Go-to person for guests", "Go"),
        ("Swift response to customers", "Swift"),
        ("Swift and decisive action", "Swift"),
        ("Excel at teamwork", "Excel"),
        ("You: Excel in a fast-paced kitchen", "Excel"),
        ("React quickly to incidents", "React"),
        ("Word of mouth marketing", "Microsoft Word"),
        ("Rust removal on hulls", "Rust"),
        ("Held a budget of R$ 90,000.", "R"),
        ("Bonvicini R., Malaspada G. (2024)", "R"),
    ],
)
def test_everyday_word_is_no_tool(sentence: str, tool: str) -> None:
    assert tool not in _names(sentence)


@pytest.mark.parametrize(
    ("sentence", "tool"),
    [
        ("Go", "Go"),
        ("Go, Rust or another compiled language", "Rust"),
        ("Go for backend services", "Go"),
        ("Programming in Go beyond scripts", "Go"),
        ("Swift developer", "Swift"),
        ("Swift and Kotlin", "Swift"),
        ("Excel at expert level", "Excel"),
        ("Excel at an advanced level", "Excel"),
        ("Excel in daily use", "Excel"),
        ("Excel and SAP to book orders", "Excel"),
        ("Excel daily.", "Excel"),
        ("React and TypeScript", "React"),
        ("Python and R.", "R"),
        ("Word, Outlook", "Microsoft Word"),
    ],
)
def test_tool_is_named(sentence: str, tool: str) -> None:
    assert tool in _names(sentence)
