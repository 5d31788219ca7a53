"""A job description or résumé as clean text. Offsets everywhere point into ``Document.text``."""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

from .docx_text import read_docx
from .error import DocumentError
from .pdf import read_pdf

MAX_BYTES = 4 * 1024 * 1024
MAX_CHARACTERS = 200_000


class MediaType(Enum):
    """What a document's bytes are. The numbers are those of ``askwell.v1.MediaType``."""

    TEXT = 1
    PDF = 2
    DOCX = 3


@dataclass(frozen=True, slots=True)
class Document:
    """``text`` is normalised: no control characters, single spaces, at most one empty line in a row."""

    text: str
    kind: MediaType


_REFUSED = (
    (b"{\\rtf", "an RTF file"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"BM\x00", "an image"),
    (b"II*\x00", "an image"),
    (b"MM\x00*", "an image"),
    (b"\x1f\x8b", "a gzip archive"),
)


def document_from_bytes(content: bytes, media_type: MediaType | None = None) -> Document:
    """Read UTF-8 text, PDF or DOCX; without ``media_type`` the first bytes tell which.

    Raises DocumentError for whatever is too large, unreadable, or holds no text.
    """
    if not content:
        raise DocumentError("the document is empty")
    if len(content) > MAX_BYTES:
        raise DocumentError(f"the document has {len(content)} bytes; at most {MAX_BYTES} are read")
    kind = media_type or _sniff(content)
    if kind is MediaType.PDF:
        return _document(read_pdf(content, MAX_CHARACTERS), kind)
    if kind is MediaType.DOCX:
        return _document(read_docx(content, MAX_CHARACTERS), kind)
    return _document(_decode(content), kind)


def document_from_text(text: str) -> Document:
    """Plain text or Markdown. Raises DocumentError when it is empty or too long."""
    return _document(text, MediaType.TEXT)


def _sniff(content: bytes) -> MediaType:
    for magic, name in _REFUSED:
        if content.startswith(magic):
            raise DocumentError(f"the document is {name}: save it as UTF-8 text, PDF or DOCX")
    if b"%PDF-" in content[:1024]:
        return MediaType.PDF
    if content.startswith(b"PK\x03\x04"):
        return MediaType.DOCX
    return MediaType.TEXT


def _decode(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentError("the document is not UTF-8 text: save it as UTF-8, PDF or DOCX") from None
    if text.count("\0") * 10 > len(text):
        raise DocumentError("the document is not UTF-8 text: save it as UTF-8, PDF or DOCX")
    return text


def _document(raw: str, kind: MediaType) -> Document:
    if len(raw) > MAX_CHARACTERS:
        raise DocumentError(f"the document has more than {MAX_CHARACTERS} characters of text")
    text = _normalise(raw)
    if not any(character.isalnum() for character in text):
        raise DocumentError("the document holds no text")
    return Document(text, kind)


_LINE_BREAKS = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
_SPACES = re.compile(r"[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")


def _normalise(raw: str) -> str:
    """NFC, plain spaces and line breaks; control, format and private characters go."""
    text = _LINE_BREAKS.sub("\n", unicodedata.normalize("NFC", raw))
    text = _SPACES.sub(" ", text)
    text = "".join(
        c for c in text if c == "\n" or c == " " or not unicodedata.category(c).startswith(("C", "Zl"))
    )
    text = re.sub(r" *\n *", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
