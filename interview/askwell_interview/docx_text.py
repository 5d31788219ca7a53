"""Text of a DOCX: headers, paragraphs and tables in the order they stand."""

import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from zipfile import BadZipFile, ZipFile

import docx
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table
from docx.text.paragraph import Paragraph

from .error import DocumentError

MAX_UNPACKED_BYTES = 64 * 1024 * 1024
MAX_XML_BYTES = 16 * 1024 * 1024
MAX_MEMBERS = 2000


def read_docx(content: bytes, max_characters: int) -> str:
    """Raises DocumentError for archives that are broken, explode, or are not a Word document."""
    try:
        with ZipFile(BytesIO(content)) as archive:
            _refuse_bomb(archive)
            if "word/document.xml" not in archive.namelist():
                raise DocumentError("the document is an archive, not a DOCX: save it as UTF-8, PDF or DOCX")
        lines: list[str] = []
        length = 0
        for line in _lines(docx.Document(BytesIO(content))):
            lines.append(line)
            length += len(line) + 1
            if length > max_characters:
                raise DocumentError(f"the document has more than {max_characters} characters of text")
    except DocumentError:
        raise
    except (
        BadZipFile,
        PackageNotFoundError,
        AttributeError,
        EOFError,
        SyntaxError,
        zlib.error,
        LookupError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
        NotImplementedError,
    ):
        # RuntimeError: an archive with a password. SyntaxError: lxml's. The rest: what damaged parts lead to.
        raise DocumentError("the DOCX is broken or encrypted: open it and save it again") from None
    return "\n".join(lines)


def _refuse_bomb(archive: ZipFile) -> None:
    """Sizes as the directory declares them; zipfile stops reading a member at its declared size."""
    members = archive.infolist()
    xml = [m.file_size for m in members if m.filename.endswith((".xml", ".rels"))]
    if (
        len(members) > MAX_MEMBERS
        or sum(m.file_size for m in members) > MAX_UNPACKED_BYTES
        or sum(xml) > MAX_XML_BYTES
    ):
        raise DocumentError("the DOCX unpacks to far more than a document: save it again without media")


def _lines(document: Any) -> Iterator[str]:
    seen: set[str] = set()
    for section in document.sections:
        for paragraph in section.header.paragraphs:
            if paragraph.text.strip() and paragraph.text not in seen:
                seen.add(paragraph.text)
                yield paragraph.text
    yield from _blocks(document.iter_inner_content())


def _blocks(blocks: Iterator[Paragraph | Table]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Table):
            yield from _rows(block)
            continue
        style = (block.style.name or "") if block.style is not None else ""
        if re.match(r"Heading|Title", style):
            yield ""
        mark = "- " if style.startswith("List") and block.text.strip() else ""
        yield mark + block.text


def _rows(table: Table) -> Iterator[str]:
    for row in table.rows:
        cells: list[str] = []
        for cell in row.cells:  # a merged cell comes once per column
            text = "\n".join(_blocks(cell.iter_inner_content())).strip()
            if text and text not in cells[-1:]:
                cells.append(text)
        if any("\n" in cell for cell in cells):
            yield from cells
        else:
            yield " | ".join(cells)
