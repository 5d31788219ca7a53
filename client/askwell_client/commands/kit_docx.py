"""The kit as a Word file. Needs python-docx, which the client alone does not install."""

from pathlib import Path
from typing import Any

from askwell_client.commands.kit import ADVICE, Kit, Page, plain
from askwell_client.commands.parser import UsageError
from askwell_client.commands.screen import words

_NOTE_LINES = 5
_MARGIN_CM, _SMALL_PT = 1.8, 9


def checked_docx() -> Any:
    """The module ``docx``. Raises ``UsageError`` that says what to install."""
    try:
        import docx
    except ImportError:
        raise UsageError(
            "--docx needs python-docx; install it with: pip install 'askwell[interview]'"
        ) from None
    return docx


def write_docx(kit: Kit, path: Path) -> None:
    docx = checked_docx()
    document = docx.Document()
    for section in document.sections:
        section.left_margin = section.right_margin = docx.shared.Cm(_MARGIN_CM)
        section.top_margin = section.bottom_margin = docx.shared.Cm(_MARGIN_CM)
    document.core_properties.title = f"Interview kit: {kit.title}"
    document.core_properties.author = "Askwell"
    document.styles["Normal"].paragraph_format.space_after = docx.shared.Pt(3)
    document.add_heading(kit.title[:1].upper() + kit.title[1:], level=0)
    minutes = f", {kit.minutes} minutes" if kit.minutes else ""
    document.add_paragraph(f"Interview kit: {len(kit.pages)} questions{minutes}, written with {kit.model}")
    document.add_paragraph(
        "Candidate ______________________   Interviewer ______________________   Date ___________"
    )
    _small(docx, document.add_paragraph(), ADVICE)
    for page in kit.pages:
        _page(docx, document, page)
    document.save(str(path))


def _page(docx: Any, document: Any, page: Page) -> None:
    question = page.question
    head = document.add_heading(f"{page.number}  {plain(question.text)}", level=2)
    head.paragraph_format.keep_with_next = True
    _small(docx, document.add_paragraph(), " · ".join([words(question.slot), *page.facts]))
    _terms(document, [("Why", page.reason)] if page.reason else [])
    _terms(document, [(which, f"“{quote}”") for which, quote in page.evidence])
    for title, texts in (("A good answer covers", question.covers), ("Red flags", question.red_flags)):
        if texts:
            document.add_paragraph().add_run(title).bold = True
            for text in texts:
                document.add_paragraph(plain(text), style="List Bullet")
    _terms(document, page.follow_ups)
    _ratings(docx, document, page)
    document.add_paragraph("Notes").paragraph_format.keep_with_next = True
    for _ in range(_NOTE_LINES):
        document.add_paragraph("_" * 84)


def _terms(document: Any, pairs: list[tuple[str, str]]) -> None:
    for term, text in pairs:
        paragraph = document.add_paragraph()
        paragraph.add_run(f"{term}: ").bold = True
        paragraph.add_run(text)


def _ratings(docx: Any, document: Any, page: Page) -> None:
    table = document.add_table(rows=0, cols=2, style="Table Grid")
    table.autofit = False
    for rating, text in page.anchors:
        box, told = table.add_row().cells
        box.width, told.width = docx.shared.Cm(1.6), docx.shared.Cm(15.6)
        box.text = f"☐ {rating}"
        told.text = text


def _small(docx: Any, paragraph: Any, text: str) -> None:
    paragraph.add_run(text).font.size = docx.shared.Pt(_SMALL_PT)
