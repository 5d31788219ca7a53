"""The printable kit that ``askwell questions`` writes."""

import re
import sys
from pathlib import Path

import docx
import pytest
from askwell_client.command import main
from client.fake_server import FakeServer

from client import interview_script as script


@pytest.fixture
def asked(server: FakeServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The command's first arguments; the server will answer once."""
    monkeypatch.setenv("ASKWELL_SERVER", server.target)
    (tmp_path / "site-reliability_engineer.md").write_text(script.JOB)
    (tmp_path / "resume-of-somebody.md").write_text(script.RESUME)
    server.will("StreamQuestions", script.EVENTS)
    documents = ["site-reliability_engineer.md", "resume-of-somebody.md"]
    return ["questions", "--job", str(tmp_path / documents[0]), "--resume", str(tmp_path / documents[1])]


def test_a_kit_for_the_browser_holds_each_question_with_its_rubric(asked: list[str], tmp_path: Path) -> None:
    kit = tmp_path / "kit.html"
    assert main([*asked, "--html", str(kit)]) == 0
    page = kit.read_text(encoding="utf-8")
    assert "<h1>site reliability engineer</h1>" in page and "somebody" not in page
    assert re.findall(r'<section class="(\w+)">', page) == ["core", "probe", "probe"]
    told = ["Names no incident.", "who was told", "Blames a colleague", "If it is strong", "on-call rota"]
    assert all(text in page for text in told)
    assert (
        page.index("what did you do first")
        < page.index("Which night on call")
        < page.index("Suppose you join")
    )


def test_a_kit_shows_what_came_and_runs_none_of_it(asked: list[str], tmp_path: Path) -> None:
    kit = tmp_path / "kit.html"
    main([*asked, "--html", str(kit)])
    page = kit.read_text(encoding="utf-8")
    assert "what changed &lt;after&gt; it" in page and "<after>" not in page
    assert "\x1b" not in page and "http:" not in page and "https:" not in page
    assert "default-src &#x27;none&#x27;" in page


def test_a_kit_for_word_can_be_opened(asked: list[str], tmp_path: Path) -> None:
    kit = tmp_path / "kit.docx"
    assert main([*asked, "--docx", str(kit)]) == 0
    document = docx.Document(str(kit))
    told = "\n".join(paragraph.text for paragraph in document.paragraphs)
    assert "1  Tell me about an incident" in told and "If no result is told: How did you know" in told
    cells = [cell.text for cell in document.tables[0].columns[1].cells]
    assert cells == ["Names no incident.", "", "Tells the steps.", "", script.RUBRIC.anchors[2].text]


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        ("--html=/nowhere/kit.html", "cannot write /nowhere/kit.html"),
        ("--docx=kit.docx", "askwell[interview]"),
    ],
)
def test_a_kit_that_cannot_be_written_is_refused_before_the_server_is_asked(
    asked: list[str],
    server: FakeServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    complaint: str,
) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    assert main([*asked, file]) == 2
    assert complaint in (told := capsys.readouterr().err) and told.count("\n") == 1
    assert not server.calls
