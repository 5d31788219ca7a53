"""What is read, and what is refused in one line."""

from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import docx
import pytest
from askwell_interview import DocumentError, MediaType, document_from_bytes, document_from_text
from pypdf import PdfWriter


def _pdf(pages: int = 1, password: str | None = None) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    buffer = BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def _docx() -> bytes:
    document = docx.Document()
    document.add_paragraph("Care for patients")
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text = "2019 - 2021"
    table.rows[0].cells[1].text = "Ward nurse"
    buffer = BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _bomb() -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"\0" * (20 * 1024 * 1024))
    return buffer.getvalue()


def _zip() -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "a")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b" \n\t ", "holds no text"),
        (b"x" * (4 * 1024 * 1024 + 1), "at most 4194304"),
        (b"word " * 50_000, "more than 200000 characters"),
        ("Müller".encode("latin-1"), "not UTF-8 text"),
        ("Nurse wanted".encode("utf-16"), "not UTF-8 text"),
        (_pdf(password="secret"), "encrypted"),
        (_pdf(), "looks scanned"),
        (_pdf(pages=41), "41 pages"),
        (b"%PDF-1.7\ngarbage", "broken"),
        (_pdf()[:200], "broken"),
        (_bomb(), "unpacks to far more"),
        (_zip(), "not a DOCX"),
        (_docx()[:2000], "broken"),
        (b"{\\rtf1 hello}", "RTF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Office"),
        (b"\x89PNG\r\n", "image"),
    ],
)
def test_unreadable_document_is_refused_in_one_line(content: bytes, says: str) -> None:
    with pytest.raises(DocumentError, match=says) as caught:
        document_from_bytes(content)
    assert "\n" not in str(caught.value)


def test_docx_tables_are_read_with_its_paragraphs() -> None:
    document = document_from_bytes(_docx())
    assert document.kind is MediaType.DOCX
    assert document.text == "Care for patients\n2019 - 2021 | Ward nurse"


def test_byte_order_mark_control_characters_and_odd_spaces_are_gone() -> None:
    text = "\ufeffSkills:\x00\u00a0 Python\t\tSQL\r\n\r\n\r\n\r\nMore\u200b"
    assert document_from_bytes(text.encode()).text == "Skills: Python SQL\n\nMore"
    assert document_from_text(text).text == "Skills: Python SQL\n\nMore"


def test_pdf_protected_only_against_changes_is_read() -> None:
    path = Path(__file__).resolve().parents[2] / "examples/resumes/intensive-care-nurse.pdf"
    writer = PdfWriter(clone_from=path)
    writer.encrypt(user_password="", owner_password="secret", algorithm="RC4-128")
    buffer = BytesIO()
    writer.write(buffer)
    assert document_from_bytes(buffer.getvalue()).text == document_from_bytes(path.read_bytes()).text
